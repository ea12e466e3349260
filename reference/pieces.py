"""What the golden scripts of the learners with class scores share: pieces of networks, scores, loss, steps, JSON.

Rows are samples. A piece is `y = f(x; parameters)`; `up` gives y and what the way back keeps, `back` turns ∂L/∂y into
∂L/∂x and the gradients of its parameters. Parameters lie in one dictionary by name. Images are [B, pixels·channels], the
channels of a pixel together, as [B, height, width, channels] laid flat.

    Dense        a = x W + b,  h = φ(a);                     da = dh ⊙ φ'(a), dW = xᵀ da, db = Σ da, dx = da Wᵀ
    Conv         a[y, x, o] = b[o] + Σ_{k,l,c} in[y + k − 1, x + l − 1, c] W[(k, l, c), o],  h = φ(a); nothing beyond the image
                 in G groups: W is zero between a channel and one of another group, W_g [(k, l, c/G), o/G] is group g's part
    AveragePool  the mean of 2 x 2 pixels, stride 2; the error goes to all alike
    MaxPool      the largest of 2 x 2 pixels, stride 2; the error goes to it, of equals to the first
    Norm         y = (x − μ)/√(σ² + 10⁻⁵), μ and σ² (with 1/N) of a row, over all pixels of a group of neighbouring channels;
                 one group of everything is layer norm.  dx = (dy − mean dy − y mean(dy ⊙ y))/√(σ² + 10⁻⁵)
    BatchNorm    the same with μ and σ² of a channel, over rows and pixels of the batch.  m ← 0.9 m + 0.1 μ and
                 v ← 0.9 v + 0.1 σ² N/(N − 1) from m = 0, v = 1; these stand for μ and σ² outside of training
    Affine       y = γ x + β, channel by channel;            dγ = Σ dy ⊙ x, dβ = Σ dy, dx = γ dy

φ(a) = max(0, a), φ'(a) = [a > 0]. Scores s [B, K] of a layer's h, and what ∂L/∂s does:

    GroupMeans   s_c = mean of h over channel group c and all pixels;       dh = ds_c / N
    GroupSquares s_c = mean of h² there;                                    dh = 2 h ds_c / N
    Projection   s = h M + b
    Maps         a = h A + b at each of P pixels, s_c = mean a_c²;          da = 2 a ds / P, dA = Σ hᵀ da, dh = da Aᵀ
    Pooled       s = h̄ M + b, h̄ the channels' means over pixels

    loss         p = softmax(s/T), q = (1 − ε) onehot(y) + ε/K, L = −(1/B) Σ_rows Σ_k q_k log p_k, ds = (p − q)/(B T)
    AdamW        m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,
                 w ← w − η (m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + 10⁻⁸) + λ w),  λ on weights only; t counts the parameter's own steps
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from golden import draw_batch, draw_weights, farthest, plain, relu, require, slope, softmax, text

EPSILON = 1e-5
BETA_1, BETA_2, ADAM_EPSILON = 0.9, 0.999, 1e-8


class Dense:
    """`[B, n_in]` → `[B, n_out]`."""

    def __init__(self, path, n_in, n_out):
        self.path, self.n_in, self.n_out = path, n_in, n_out

    def draw(self, rng):
        bias = np.float32(0.1 * rng.normal(size=self.n_out)).astype(np.float64)
        return {f"{self.path}.weight": draw_weights(rng, self.n_in, self.n_out, 1.3), f"{self.path}.bias": bias}

    def up(self, p, x, training):
        a = x @ p[f"{self.path}.weight"] + p[f"{self.path}.bias"]
        return relu(a), (x, a)

    def back(self, p, kept, dh, gradients):
        x, a = kept
        da = dh * (a > 0)
        gradients[f"{self.path}.weight"] = x.T @ da
        gradients[f"{self.path}.bias"] = da.sum(axis=0)
        return da @ p[f"{self.path}.weight"].T

    def corners(self, kept):
        """How near its units come to ReLU's corner."""
        return abs(kept[1]).min()


class Conv:
    """3 x 3, padding 1, on `[B, side·side·n_in]`; in `groups` groups where they are said."""

    def __init__(self, path, side, n_in, n_out, groups=None):
        self.path, self.side, self.n_in, self.n_out = path, side, n_in, n_out
        parts = range(groups or 1)
        each_in, each_out = n_in // len(parts), n_out // len(parts)
        self.parts = [(slice(g * each_in, (g + 1) * each_in), slice(g * each_out, (g + 1) * each_out)) for g in parts]

    def draw(self, rng):
        drawn, each_in, each_out = {}, self.n_in // len(self.parts), self.n_out // len(self.parts)
        weights, biases = [], []
        for _ in self.parts:
            weights.append(draw_weights(rng, 9 * each_in, each_out, 1.3))
            biases.append(np.float32(0.1 * rng.normal(size=each_out)).astype(np.float64))
        drawn[f"{self.path}.weight"] = np.concatenate(weights)
        drawn[f"{self.path}.bias"] = np.concatenate(biases)
        return drawn

    def whole(self, p):
        """W [3, 3, n_in, n_out] and b [n_out], the groups put together."""
        groups = p[f"{self.path}.weight"]
        w = np.zeros((3, 3, self.n_in, self.n_out), groups.dtype)
        for part, (own_in, own_out) in zip(np.split(groups, len(self.parts)), self.parts):
            w[:, :, own_in, own_out] = part.reshape(3, 3, -1, part.shape[1])
        return w, p[f"{self.path}.bias"]

    def up(self, p, x, training):
        side = self.side
        w, b = self.whole(p)
        padded = np.pad(x.reshape(-1, side, side, self.n_in), ((0, 0), (1, 1), (1, 1), (0, 0)))
        a = b + sum(padded[:, k : k + side, l : l + side] @ w[k, l] for k in range(3) for l in range(3))
        return relu(a).reshape(len(x), -1), (padded, a)

    def back(self, p, kept, dh, gradients):
        padded, a = kept
        side = self.side
        da = dh.reshape(a.shape) * (a > 0)
        w, _ = self.whole(p)
        dw, dx = np.zeros_like(w), np.zeros_like(padded)
        for k in range(3):
            for l in range(3):
                seen = padded[:, k : k + side, l : l + side]
                dw[k, l] = np.einsum("byxc,byxo->co", seen, da)
                dx[:, k : k + side, l : l + side] += da @ w[k, l].T
        parts = [dw[:, :, own_in, own_out] for own_in, own_out in self.parts]
        gradients[f"{self.path}.weight"] = np.concatenate([part.reshape(-1, part.shape[3]) for part in parts])
        gradients[f"{self.path}.bias"] = da.sum(axis=(0, 1, 2))
        return dx[:, 1:-1, 1:-1].reshape(len(dh), -1)

    def corners(self, kept):
        return abs(kept[1]).min()


class Still:
    """A piece without parameters."""

    def draw(self, rng):
        return {}

    def corners(self, kept):
        return np.inf


class AveragePool(Still):
    def __init__(self, side, channels):
        self.split = (-1, side // 2, 2, side // 2, 2, channels)

    def up(self, p, x, training):
        return x.reshape(self.split).mean(axis=(2, 4)).reshape(len(x), -1), None

    def back(self, p, kept, dy, gradients):
        _, rows, _, columns, _, channels = self.split
        each = dy.reshape(-1, rows, 1, columns, 1, channels) / 4
        return np.broadcast_to(each, (len(dy), *self.split[1:])).reshape(len(dy), -1)


class MaxPool(Still):
    def __init__(self, side, channels):
        self.split = (-1, side // 2, 2, side // 2, 2, channels)

    def up(self, p, x, training):
        _, rows, _, columns, _, channels = self.split
        windows = x.reshape(self.split).transpose(0, 1, 3, 5, 2, 4).reshape(-1, rows, columns, channels, 4)
        return windows.max(axis=4).reshape(len(x), -1), windows

    def back(self, p, windows, dy, gradients):
        _, rows, _, columns, _, channels = self.split
        first = windows.argmax(axis=4)[..., None] == np.arange(4)  # argmax gives the first of equals
        dx = first * dy.reshape(-1, rows, columns, channels, 1)
        dx = dx.reshape(-1, rows, columns, channels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
        return dx.reshape(len(dy), -1)

    def corners(self, windows):
        """How near the two largest of a window come to one another, where the largest is not the zero of a unit that is off."""
        ranked = np.sort(windows, axis=4)
        gaps = (ranked[..., 3] - ranked[..., 2])[ranked[..., 3] > 0]
        return gaps.min(initial=np.inf)


def standardise(x, axes):
    """y = (x − μ)/√(σ² + ε), and 1/√(σ² + ε)."""
    mean = x.mean(axis=axes, keepdims=True)
    r = 1 / np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + EPSILON)
    return (x - mean) * r, r


def standardise_back(y, r, dy, axes):
    return r * (dy - dy.mean(axis=axes, keepdims=True) - y * (dy * y).mean(axis=axes, keepdims=True))


class Norm(Still):
    """Group norm of `groups` groups of `channels` channels; layer norm by default."""

    def __init__(self, channels=1, groups=1):
        self.split = (groups, channels // groups)

    def up(self, p, x, training):
        y, r = standardise(x.reshape(len(x), -1, *self.split), (1, 3))
        return y.reshape(x.shape), (y, r)

    def back(self, p, kept, dy, gradients):
        y, r = kept
        return standardise_back(y, r, dy.reshape(y.shape), (1, 3)).reshape(dy.shape)


class BatchNorm(Still):
    def __init__(self, path, channels):
        self.path, self.channels = path, channels

    def draw(self, rng):
        return {f"{self.path}.mean": np.zeros(self.channels), f"{self.path}.variance": np.ones(self.channels)}

    def up(self, p, x, training):
        m, v = f"{self.path}.mean", f"{self.path}.variance"
        rows = x.reshape(-1, self.channels)
        if not training:
            return ((rows - p[m]) / np.sqrt(p[v] + EPSILON)).reshape(x.shape), None
        y, r = standardise(rows, 0)
        p[m] = 0.9 * p[m] + 0.1 * rows.mean(axis=0)
        p[v] = 0.9 * p[v] + 0.1 * rows.var(axis=0) * (len(rows) / (len(rows) - 1))
        return y.reshape(x.shape), (y, r)

    def back(self, p, kept, dy, gradients):
        y, r = kept
        return standardise_back(y, r, dy.reshape(y.shape), 0).reshape(dy.shape)


class Affine(Still):
    def __init__(self, path, channels):
        self.path, self.channels = path, channels

    def draw(self, rng):
        gain, shift = 1 + 0.2 * rng.normal(size=self.channels), 0.2 * rng.normal(size=self.channels)
        single = lambda values: np.float32(values).astype(np.float64)
        return {f"{self.path}.gain": single(gain), f"{self.path}.shift": single(shift)}

    def up(self, p, x, training):
        y = x.reshape(-1, self.channels) * p[f"{self.path}.gain"] + p[f"{self.path}.shift"]
        return y.reshape(x.shape), x

    def back(self, p, x, dy, gradients):
        x, dy_rows = x.reshape(-1, self.channels), dy.reshape(-1, self.channels)
        gradients[f"{self.path}.gain"] = (dy_rows * x).sum(axis=0)
        gradients[f"{self.path}.shift"] = dy_rows.sum(axis=0)
        return (dy_rows * p[f"{self.path}.gain"]).reshape(dy.shape)


class Stack(Still):
    """Pieces in a row."""

    def __init__(self, *pieces):
        self.pieces = pieces

    def draw(self, rng):
        return {name: values for piece in self.pieces for name, values in piece.draw(rng).items()}

    def up(self, p, x, training):
        kept = []
        for piece in self.pieces:
            x, own = piece.up(p, x, training)
            kept.append(own)
        return x, kept

    def back(self, p, kept, dy, gradients):
        for piece, own in zip(self.pieces[::-1], kept[::-1]):
            dy = piece.back(p, own, dy, gradients)
        return dy

    def corners(self, kept):
        return min(piece.corners(own) for piece, own in zip(self.pieces, kept))


class GroupMeans(Still):
    def __init__(self, classes, channels):
        self.split = (classes, channels // classes)

    def up(self, p, h):
        groups = h.reshape(len(h), -1, *self.split)
        return groups.mean(axis=(1, 3)), groups

    def back(self, p, groups, ds, gradients):
        share = ds[:, None, :, None] / (groups.shape[1] * groups.shape[3])
        return np.broadcast_to(share, groups.shape).reshape(len(ds), -1)


class GroupSquares(GroupMeans):
    def up(self, p, h):
        groups = h.reshape(len(h), -1, *self.split)
        return (groups**2).mean(axis=(1, 3)), groups

    def back(self, p, groups, ds, gradients):
        return 2 * groups.reshape(len(ds), -1) * super().back(p, groups, ds, gradients)


class Projection:
    def __init__(self, path, n_in, classes):
        self.path, self.n_in, self.classes = path, n_in, classes

    def draw(self, rng):
        bias = np.float32(0.1 * rng.normal(size=self.classes)).astype(np.float64)
        return {f"{self.path}.weight": draw_weights(rng, self.n_in, self.classes), f"{self.path}.bias": bias}

    def up(self, p, h):
        return h @ p[f"{self.path}.weight"] + p[f"{self.path}.bias"], h

    def back(self, p, h, ds, gradients):
        gradients[f"{self.path}.weight"] = h.T @ ds
        gradients[f"{self.path}.bias"] = ds.sum(axis=0)
        return ds @ p[f"{self.path}.weight"].T


class Pooled(Projection):
    """`n_in` channels."""

    def up(self, p, h):
        pixels = h.reshape(len(h), -1, self.n_in)
        return super().up(p, pixels.mean(axis=1))[0], pixels

    def back(self, p, pixels, ds, gradients):
        dmeans = super().back(p, pixels.mean(axis=1), ds, gradients)
        share = dmeans[:, None, :] / pixels.shape[1]
        return np.broadcast_to(share, pixels.shape).reshape(len(ds), -1)


class Maps(Projection):
    """`n_in` channels."""

    def up(self, p, h):
        pixels = h.reshape(len(h), -1, self.n_in)
        a = pixels @ p[f"{self.path}.weight"] + p[f"{self.path}.bias"]
        return (a**2).mean(axis=1), (pixels, a)

    def back(self, p, kept, ds, gradients):
        pixels, a = kept
        da = 2 * a * ds[:, None, :] / pixels.shape[1]
        gradients[f"{self.path}.weight"] = np.einsum("bpc,bpk->ck", pixels, da)
        gradients[f"{self.path}.bias"] = da.sum(axis=(0, 1))
        return (da @ p[f"{self.path}.weight"].T).reshape(len(ds), -1)


def loss(s, y, temperature=1.0, smoothing=0.0):
    """L, ∂L/∂s, and the share of rows in which another class has a higher score than the right one."""
    classes = s.shape[1]
    p = softmax(s / temperature)
    q = ((1 - smoothing) * np.eye(classes)[y] + smoothing / classes).astype(s.dtype)
    wrong = np.mean((s > s[np.arange(len(y)), y][:, None]).any(axis=1))
    return -np.sum(q * np.log(p)) / len(y), (p - q) / (len(y) * temperature), wrong


class AdamW:
    """Moments and counts of steps of whatever it is given gradients of."""

    def __init__(self, rate, decay):
        self.rate, self.decay = rate, decay
        self.m, self.v, self.time = {}, {}, {}

    def step(self, p, gradients):
        for name, g in gradients.items():
            t = self.time[name] = self.time.get(name, 0) + 1
            m = self.m[name] = BETA_1 * self.m.get(name, 0.0) + (1 - BETA_1) * g
            v = self.v[name] = BETA_2 * self.v.get(name, 0.0) + (1 - BETA_2) * g**2
            decay = self.decay if name.endswith("weight") else 0.0
            p[name] = p[name] - self.rate * (m / (1 - BETA_1**t) / (np.sqrt(v / (1 - BETA_2**t)) + ADAM_EPSILON) + decay * p[name])


def draw_striped(rng, rows, n_in, classes):
    """x [rows, n_in] of multiples of 1/256 in [0, 1), larger at every `classes`-th place, which tells the class; y [rows]."""
    batch = draw_batch(rng, rows, n_in, classes)
    stripes = np.arange(n_in) % classes == batch["y"][:, None]
    batch["x"] = np.floor(batch["x"] * 160) / 256 + stripes * 0.25
    return batch


def copy(p):
    return {name: values.copy() for name, values in p.items()}


def cast(tree, kind):
    """The tree with all floating-point arrays of type `kind`."""
    if isinstance(tree, dict):
        return {name: cast(value, kind) for name, value in tree.items()}
    if isinstance(tree, list):
        return [cast(value, kind) for value in tree]
    return tree.astype(kind) if tree.dtype.kind == "f" else tree


def prove(what, value, p, gradients, rng):
    """The closed forms against finite differences of `value(p)`."""
    for name, closed in gradients.items():
        own = copy(p)
        direction = rng.normal(size=closed.shape)
        measured = slope(lambda: value(dict(own)), own[name], direction)
        closed = np.sum(closed * direction)
        assert abs(closed - measured) < 1e-7 * (1 + abs(measured)), (what, name, closed, measured)


def follow(run, initial, batches, test):
    """What `run` makes of the case, which single precision must be able to follow."""
    happened = run(copy(initial), batches, test)
    single = run(*cast([copy(initial), batches, test], np.float32))
    strip = lambda one: plain({name: one[name] for name in ("losses", "final", "test_scores")})
    distance, where = farthest(strip(single), strip(happened))
    print(f"single precision: {distance:.1e} at {where.lstrip('.')}")
    require(distance < 2e-6, f"single precision should follow ({distance:.1e} at {where})")
    return happened


def examine(happened):
    """Refuses a case in which some term would not show."""
    errors = [[e for e in one["errors"] if e is not None] for one in happened["losses"]]
    mean = np.mean([np.mean(e) for e in errors if e])
    require(0.1 < mean < 0.9, "some rows should be right and some wrong")
    for name, g in happened["step_1"]["gradients"].items():
        require(abs(g).max() > 1e-4, f"{name} should learn")
    for name, scores in happened["test_scores"].items():
        if name.startswith("layer."):
            continue
        require(len(set(scores.argmax(axis=1))) > 1, f"{name} should answer more than one class")
        ranked = np.sort(scores, axis=1)
        require((ranked[:, -1] - ranked[:, -2]).min() > 1e-4, f"no answer of {name} should be near a tie")


def rounded(tree):
    """Nine significant digits: single precision, to the bit."""
    if isinstance(tree, dict):
        return {name: rounded(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [rounded(value) for value in tree]
    return float(f"{tree:.9g}") if isinstance(tree, float) else tree


def main(script, doc, default_seed, build):
    """The command line of a golden script: build the case, then write it beside the script or check it."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=default_seed, help="seed of the case (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(script).with_suffix(".json"), help="the JSON (default: beside the script)")
    parser.add_argument("--check", action="store_true", help="compare with the JSON instead of writing it")
    options = parser.parse_args()
    tree = rounded(plain(build(options.seed)))
    if options.check:
        distance, where = farthest(tree, json.loads(options.out.read_text()))
        print(f"{options.out.name}: largest relative difference {distance:.1e} at {where.lstrip('.')}")
        sys.exit(distance > 2e-9)
    options.out.write_text(text(tree) + "\n")
    print(f"{options.out.name}: {options.out.stat().st_size} bytes")

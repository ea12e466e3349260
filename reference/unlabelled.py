"""Layers that learn without labels, with a linear softmax that looks on: what self_contrastive.py and soft_hebb.py share.

    x_0 = N(image),  x' = before_l(x_l),  a = x' W + b at each place,  h_l = after_l(φ(a)),  x_{l+1} = N(h_l),   l = 0 … top

A rule moves W and b by x' and a, which is what `seen` is at each place; nothing flows from one layer to another. All that a step reads is from before it. The softmax
reads r_l = standardise(means of 2 x 2 pixels of h_l, where it pools), a row at a time, of all layers or of the last:
z = Σ r_l H_l, H = 0 at first, cross-entropy, AdamW. pieces.py has norms, pooling and AdamW; here are

    Dense        one place that sees all                a [B, 1, units]
    Conv         3 x 3, padding 1: pixels are places    a [B, pixels, units], W [(k, l, c), units]
    Triangle     y = max(0, x − x̄)ᵖ, x̄ the mean over the units of a place
"""

from dataclasses import dataclass, field

import numpy as np

from golden import draw_weights, softmax
from pieces import AdamW, AveragePool, Still, standardise


class Dense:
    def __init__(self, path, n_in, units):
        self.path, self.n_in, self.units = path, n_in, units

    def see(self, x):
        """x at each place: [B, places, n_in]."""
        return x[:, None, :]

    def draw(self, rng, bias):
        drawn = np.float32(bias * rng.normal(size=self.units)).astype(np.float64)
        return {f"{self.path}.weight": draw_weights(rng, self.n_in, self.units), f"{self.path}.bias": drawn}

    def up(self, p, seen):
        return seen @ p[f"{self.path}.weight"] + p[f"{self.path}.bias"]


class Conv(Dense):
    def __init__(self, path, side, channels, units):
        super().__init__(path, 9 * channels, units)
        self.side, self.channels = side, channels

    def see(self, x):
        side = self.side
        padded = np.pad(x.reshape(-1, side, side, self.channels), ((0, 0), (1, 1), (1, 1), (0, 0)))
        taps = [padded[:, k : k + side, l : l + side] for k in range(3) for l in range(3)]
        return np.concatenate(taps, axis=3).reshape(len(x), side * side, self.n_in)


class Triangle(Still):
    def __init__(self, units, power):
        self.units, self.power = units, power

    def up(self, p, x, training):
        places = x.reshape(len(x), -1, self.units)
        r = np.maximum(places - places.mean(axis=2, keepdims=True), 0.0)
        return (r**self.power).astype(x.dtype).reshape(x.shape), r


@dataclass
class Block:
    """Pieces before the product, the product, whether φ is ReLU, and pieces after it."""

    before: list
    product: object
    relu: bool
    after: list

    def draw(self, rng, bias):
        drawn = self.product.draw(rng, bias)
        for piece in self.before:
            drawn |= piece.draw(rng)
        return drawn

    def into(self, p, x, training):
        for piece in self.before:
            x, _ = piece.up(p, x, training)
        return self.product.see(x)

    def out(self, p, a, training):
        h = a.reshape(len(a), -1)
        h = np.maximum(h, 0.0) if self.relu else h
        for piece in self.after:
            h, _ = piece.up(p, h, training)
        return h


@dataclass
class Unlabelled:
    """`rule.learn(l, p, seen, a, t)` gives what it says of layer l, and what `rule.move(p, told)` moves its parameters by."""

    blocks: list
    rule: object
    head_rate: float
    decay: float
    norm: object = lambda x: x
    reads: tuple = ()
    pools: dict = field(default_factory=dict)

    def read(self, l, h):
        if l in self.pools:
            h, _ = AveragePool(*self.pools[l]).up({}, h, False)
        return standardise(h, (1,))[0]

    def predict(self, p, x):
        x, z = self.norm(x), 0.0
        for l, block in enumerate(self.blocks):
            h = block.out(p, block.product.up(p, block.into(p, x, False)), False)
            z = z + (self.read(l, h) @ p[f"head.{l}.weight"] if l in self.reads else 0.0)
            x = self.norm(h)
        return {"head": z}

    def head(self, p, read, y):
        z = sum(r @ p[f"head.{l}.weight"] for l, r in read.items())
        q = softmax(z)
        dz = (q - np.eye(q.shape[1])[y].astype(z.dtype)) / len(y)
        loss = -np.mean(np.log(q[np.arange(len(y)), y]))
        return loss, {f"head.{l}.weight": r.T @ dz for l, r in read.items()}

    def run(self, p, batches, test):
        """Ten steps from the parameters p, which it changes."""
        mover, losses, first = AdamW(self.head_rate, self.decay), [], None
        for t, batch in enumerate(batches, 1):
            x, read, said, inputs, told = self.norm(batch["x"]), {}, [], [], {}
            for l, block in enumerate(self.blocks):
                seen = block.into(p, x, True)
                a = block.product.up(p, seen)
                layer, own = self.rule.learn(l, p, seen, a, t)
                said.append(layer)
                told |= own
                inputs.append(a.reshape(len(a), -1))
                h = block.out(p, a, True)
                if l in self.reads:
                    read[l] = self.read(l, h)
                x = self.norm(h)
            loss, gradients = self.head(p, read, batch["y"])
            if t == 1:
                first = {"a": inputs, "gradients": told | gradients}
            self.rule.move(p, told)
            mover.step(p, gradients)
            losses.append({"head": loss, "layers": said})
        return {"step_1": first, "losses": losses, "final": p, "test_scores": self.predict(p, test["x"])}


def draw(blocks, reads, widths, classes, rng, bias=0.0):
    """Initial parameters; the head's are zero."""
    p = {name: values for block in blocks for name, values in block.draw(rng, bias).items()}
    return p | {f"head.{l}.weight": np.zeros((widths[l], classes)) for l in reads}

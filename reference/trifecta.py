"""Golden numbers of Trifecta on a small convolutional network: the gradients of every loss, ten steps of losses, two cases.

Images of 6 x 6 pixels, 2 classes, 8 rows a batch. pieces.py has the formulas of the pieces; here

    f_0 = batch norm, affine, convolution 1 → 4
    f_1 = batch norm, affine, convolution 4 → 5, max pool
    f_2 = batch norm, affine, convolution 5 → 6               every convolution 3 x 3, padding 1, ReLU

    rows 0 … B−1: x = image + E_y;  rows B … 2B−1: x = image + E_ȳ, ȳ = 1 − y: with two classes nothing is left to chance
    h_i = f_i(x_i),  x_{i+1} = h_i,  g_i = mean h_i² of each row;  batch norm sees all 2B rows as one batch

    pairs       L_i = (1/B) Σ_b softplus(−α (g_i(b) − g_i(B + b))),  α = 4
                dL/dg_i(b) = −α σ(−α Δ_b)/B = −dL/dg_i(B + b);   dL/dh = 2 h dL/dg / n
                at step t = 1, 2, … those i have a loss for which i + t is even; L_i trains f_{i−1} and f_i, L_0 trains E and
                f_0; nothing flows back any further, and blocks above the last loss rest
    thresholds  L_i = (1/B) [Σ softplus(θ − g_i⁺) + Σ softplus(g_i⁻ − θ)], θ = 2; every block has a loss at every step, and
                trains itself; L_0 trains E, too

Each loss has an AdamW of its own for all that it trains: rate 0.02, λ = 0.01. Answers: the label of the highest goodness, of
the last block, summed over the blocks, of each. The script proves the gradients against finite differences before it writes
anything.
"""

import numpy as np

from golden import require
from pieces import Affine, AdamW, BatchNorm, Conv, MaxPool, Stack, copy, draw_striped, follow, main, prove

CLASSES, SIDE, ROWS, STEPS = 2, 6, 8, 10
RATE, DECAY, ALPHA, THETA = 0.02, 0.01, 4.0, 2.0
CASES = {"pairs": 2, "thresholds": 1}
TABLE = "embedding"


def blocks():
    norm = lambda path, channels: (BatchNorm(path, channels), Affine(path, channels))
    return [
        Stack(*norm("0.0", 1), Conv("0.1", SIDE, 1, 4)),
        Stack(*norm("1.0", 4), Conv("1.1", SIDE, 4, 5), MaxPool(SIDE, 5)),
        Stack(*norm("2.0", 5), Conv("2.1", SIDE // 2, 5, 6)),
    ]


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-abs(z)))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def judge(case, g):
    """L and ∂L/∂g of the goodness of positive rows, then of as many negative ones."""
    real, made_up = np.split(g, 2)
    rows = len(real)
    if case == "pairs":
        z = -ALPHA * (real - made_up)
        dg = -ALPHA * sigmoid(z) / rows
        return softplus(z).mean(), np.concatenate([dg, -dg])
    loss = (softplus(THETA - real) + softplus(made_up - THETA)).mean()
    return loss, np.concatenate([-sigmoid(THETA - real), sigmoid(made_up - THETA)]) / rows


def shown(p, batch):
    """The batch twice, with true labels and with wrong ones."""
    labels = np.concatenate([batch["y"], 1 - batch["y"]])
    return np.concatenate([batch["x"]] * 2) + p[TABLE][labels], labels


def gradients(case, p, batch, t):
    """All that a step does but move parameters: what the blocks say, what is told of them, the gradients of each loss."""
    net, window = blocks(), CASES[case]
    last = max(i for i in range(len(net)) if (i + t) % window == 0)
    x, labels = shown(p, batch)
    told = {"h": [], "corners": [], "layers": [None] * 3, "positive": [None] * 3, "negative": [None] * 3, "errors": [None] * 3}
    losses, kept, bottom = {}, [], (None, x)
    for i in range(last + 1):
        if not kept:
            bottom = (i, x)
        x, own = net[i].up(p, x, True)
        kept.append(own)
        told["h"].append(x)
        told["corners"].append(net[i].corners(own))
        if (i + t) % window:
            continue
        g = (x**2).mean(axis=1)
        told["layers"][i], dg = judge(case, g)
        unit = 1.0 if case == "pairs" else THETA
        real, made_up = np.split(g, 2)
        told["positive"][i], told["negative"][i] = real.mean() / unit, made_up.mean() / unit
        told["errors"][i] = np.mean(made_up > real)
        moved, dh = {}, 2 * x * (dg / x.shape[1])[:, None]
        for j in range(i, bottom[0] - 1, -1):
            dh = net[j].back(p, kept.pop(), dh, moved)
        if i == 0:
            moved[TABLE] = np.stack([dh[labels == k].sum(axis=0) for k in range(CLASSES)])
        losses[i] = (moved, bottom)
    return told, losses


def prove_all(case, p, batch, rng):
    """The closed forms of the first two steps against finite differences, what a window sees held fixed."""
    for t in (1, 2):
        for i, (moved, (first, x)) in gradients(case, dict(p), batch, t)[1].items():

            def value(q):
                h = shown(q, batch)[0] if i == 0 else x
                for block in blocks()[first : i + 1]:
                    h, _ = block.up(q, h, True)
                return judge(case, (h**2).mean(axis=1))[0]

            prove(f"{case}: loss {i}", value, p, moved, rng)


def predict(p, x):
    """The goodness of each label [B, K] by every read-out."""
    each = [[], [], []]
    for label in range(CLASSES):
        h = x + p[TABLE][label]
        for i, block in enumerate(blocks()):
            h, _ = block.up(p, h, False)
            each[i].append((h**2).mean(axis=1))
    each = [np.stack(scores, axis=1) for scores in each]
    return {"last": each[-1], "sum": sum(each)} | {f"layer.{i + 1}": scores for i, scores in enumerate(each)}


def run(case, p, batches, test):
    """Ten steps from the parameters p, which it changes."""
    movers, first, happened = [AdamW(RATE, DECAY) for _ in blocks()], {}, []
    for t, batch in enumerate(batches, 1):
        told, losses = gradients(case, p, batch, t)
        for i, (moved, _) in losses.items():
            first.setdefault(str(i), moved)
            movers[i].step(p, moved)
        happened.append(told)
    keys = ("layers", "positive", "negative", "errors")
    return {
        "h": happened[0]["h"],
        "gradients": first,
        "losses": [{key: told[key] for key in keys} for told in happened],
        "final": p,
        "test_scores": predict(p, test["x"]),
        "corners": min(min(told["corners"]) for told in happened),
    }


def train(case, initial, batches, test, rng):
    prove_all(case, copy(initial), batches[0], rng)
    happened = follow(lambda *given: run(case, *given), initial, batches, test)
    require(happened.pop("corners") > 2e-6, "no unit should be at ReLU's corner, no window near a tie")
    errors = [e for told in happened["losses"] for e in told["errors"] if e is not None]
    require(0.1 < np.mean(errors) < 0.9, "some pairs should be right and some wrong")
    for i, moved in happened["gradients"].items():
        for name, g in moved.items():
            require(abs(g).max() > 1e-4, f"{name} should learn from loss {i}")
    for name in ("last", "sum"):
        scores = happened["test_scores"][name]
        require(len(set(scores.argmax(axis=1))) > 1, f"{name} should answer more than one class")
        require(abs(scores[:, 0] - scores[:, 1]).min() > 1e-4, f"no answer of {name} should be near a tie")
    return happened


def build(seed):
    rng = np.random.default_rng(seed)
    initial = {name: values for block in blocks() for name, values in block.draw(rng).items()}
    initial[TABLE] = np.float32(0.5 * rng.normal(size=(CLASSES, SIDE * SIDE))).astype(np.float64)
    batches = [draw_striped(rng, ROWS, SIDE * SIDE, CLASSES) for _ in range(STEPS)]
    test = draw_striped(rng, ROWS, SIDE * SIDE, CLASSES)
    return {
        "about": "Golden numbers of Trifecta, made by trifecta.py; class_layers.md says what each field is.",
        "seed": seed,
        "settings": {
            "classes": CLASSES, "side": SIDE, "rows": ROWS, "steps": STEPS, "rate": RATE, "decay": DECAY, "alpha": ALPHA,
            "theta": THETA, "windows": CASES,
        },
        "initial": initial,
        "batches": batches,
        "test": test,
    } | {case: train(case, initial, batches, test, rng) for case in CASES}


if __name__ == "__main__":
    main(__file__, __doc__, 5, build)

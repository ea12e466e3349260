"""Golden numbers of self-contrastive learning: two cases, one step in full and ten steps of losses of each.

3 classes, 5 rows a batch. Beside row i stands row j = i + r mod 5; r of each step is the one that the stream of chance of
seed 0 gives. unlabelled.py has what surrounds the rule, which is

    z⁺ = 2 a_i,  z⁻ = a_i + a_j,  y = mean of max(0, z)² over the units of a place
    L  = mean softplus(θ⁺ − y⁺) + mean softplus(y⁻ − θ⁻) + λ mean_i √(Σ_places y⁺_i²)

the first two means over rows and places; each layer has θ⁺, θ⁻, λ and an AdamW of its own. Mean goodness is
told in units of (θ⁺ + θ⁻)/2. The cases:

    convolution  images of 6 x 6. Layer norm, 3 x 3 to 4 channels, triangle, largest of 2 x 2; layer norm, 3 x 3 to 6
                 channels, triangle. The softmax reads both
    dense        16 → 9 → 7 with ReLU, N(x) = x/√(mean x²) before each. The softmax reads both

∂L/∂a in closed form, with σ the logistic function, is proven against finite differences before anything is written.
"""

import numpy as np

from golden import normalise, require
from pieces import AdamW, MaxPool, Norm, copy, draw_striped, follow, main, prove
from unlabelled import Block, Conv, Dense, Triangle, Unlabelled, draw

CLASSES, ROWS, STEPS = 3, 5, 10
SHIFTS = [4, 2, 4, 4, 2, 3, 4, 1, 1, 1]
HEAD_RATE, DECAY = 0.02, 0.01
CASES = {
    "convolution": [
        {"theta_positive": 2.0, "theta_negative": 1.0, "lambda": 0.05, "rate": 0.02},
        {"theta_positive": 0.5, "theta_negative": 1.5, "lambda": 0.01, "rate": 0.01},
    ],
    "dense": [
        {"theta_positive": 4.0, "theta_negative": 6.0, "lambda": 0.0, "rate": 0.01},
        {"theta_positive": 1.0, "theta_negative": 1.0, "lambda": 0.1, "rate": 0.005},
    ],
}


def softplus(x):
    return np.logaddexp(0.0, x)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class Pairs:
    """The rule. `layers`: θ⁺, θ⁻, λ and learning rate of each."""

    def __init__(self, blocks, layers):
        self.blocks, self.layers = blocks, layers
        self.movers = [AdamW(layer["rate"], DECAY) for layer in layers]

    def judge(self, l, a, r):
        """L, y⁺ and y⁻ [B, places], ∂L/∂a."""
        own = self.layers[l]
        rows, places, units = a.shape
        other = np.roll(a, -r, axis=0)  # row i + r
        positive, negative = [np.mean(np.maximum(z, 0.0) ** 2, axis=2) for z in (2 * a, a + other)]
        short, above = own["theta_positive"] - positive, negative - own["theta_negative"]
        length = np.sqrt(np.sum(positive**2, axis=1, keepdims=True))
        loss = np.mean(softplus(short)) + np.mean(softplus(above)) + own["lambda"] * np.mean(length)
        g_positive = -sigmoid(short) / (rows * places) + own["lambda"] * positive / (rows * length)
        g_negative = sigmoid(above) / (rows * places)
        dz_positive = g_positive[:, :, None] * 2 * np.maximum(2 * a, 0.0) / units
        dz_negative = g_negative[:, :, None] * 2 * np.maximum(a + other, 0.0) / units
        da = 2 * dz_positive + dz_negative + np.roll(dz_negative, r, axis=0)
        return loss, positive, negative, da

    def gradients(self, l, seen, da):
        path = self.blocks[l].product.path
        return {f"{path}.weight": np.einsum("bpi,bpo->io", seen, da), f"{path}.bias": da.sum(axis=(0, 1))}

    def learn(self, l, p, seen, a, t):
        loss, positive, negative, da = self.judge(l, a, SHIFTS[t - 1])
        midway = (self.layers[l]["theta_positive"] + self.layers[l]["theta_negative"]) / 2
        said = {
            "loss": loss,
            "goodness_positive": positive.mean() / midway,
            "goodness_negative": negative.mean() / midway,
            "pairwise_errors": np.mean(negative.mean(axis=1) >= positive.mean(axis=1)),
        }
        product = self.blocks[l].product
        value = lambda q: self.judge(l, product.up(q, seen), SHIFTS[t - 1])[0]
        if seen.dtype == np.float64 and t == 1:
            prove(f"layer {l}", value, p, self.gradients(l, seen, da), np.random.default_rng(1))
        return said, self.gradients(l, seen, da)

    def move(self, p, told):
        for block, mover in zip(self.blocks, self.movers):
            own = block.product.path
            mover.step(p, {name: g for name, g in told.items() if name in (f"{own}.weight", f"{own}.bias")})


def blocks_of(case):
    if case == "dense":
        return [Block([], Dense("0", 16, 9), True, []), Block([], Dense("1", 9, 7), True, [])]
    return [
        Block([Norm()], Conv("0.1", 6, 1, 4), False, [Triangle(4, 1.0), MaxPool(6, 4)]),
        Block([Norm()], Conv("1.1", 3, 4, 6), False, [Triangle(6, 1.0)]),
    ]


def learner(case):
    blocks = blocks_of(case)
    norm = normalise if case == "dense" else lambda x: x
    return Unlabelled(blocks, Pairs(blocks, CASES[case]), HEAD_RATE, DECAY, norm, reads=(0, 1))


def train(case, rng):
    side, widths = (4, [9, 7]) if case == "dense" else (6, [36, 54])
    initial = draw(blocks_of(case), (0, 1), widths, CLASSES, rng, bias=0.1)
    batches = [draw_striped(rng, ROWS, side * side, CLASSES) for _ in range(STEPS)]
    test = draw_striped(rng, ROWS, side * side, CLASSES)
    happened = follow(lambda *all: learner(case).run(*all), initial, batches, test)
    errors = [layer["pairwise_errors"] for step in happened["losses"] for layer in step["layers"]]
    require(0.0 < np.mean(errors) < 1.0 or case == "convolution", "some pairs should be the wrong way round")
    scores = np.sort(happened["test_scores"]["head"], axis=1)
    require((scores[:, -1] - scores[:, -2]).min() > 1e-4, "no answer should be near a tie")
    return {"layers": CASES[case], "initial": initial, "batches": batches, "test": test} | happened


def build(seed):
    rng = np.random.default_rng(seed)
    return {
        "about": "Golden numbers of self-contrastive learning, made by self_contrastive.py; unlabelled.md says what each field is.",
        "seed": seed,
        "settings": {"classes": CLASSES, "rows": ROWS, "steps": STEPS, "shifts": SHIFTS, "head_rate": HEAD_RATE, "decay": DECAY},
    } | {case: train(case, rng) for case in CASES}


if __name__ == "__main__":
    main(__file__, __doc__, 3, build)

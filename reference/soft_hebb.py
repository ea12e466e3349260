"""Golden numbers of SoftHebb: two cases, one step in full and ten steps of each.

3 classes, 8 rows a batch. unlabelled.py has what surrounds the rule, which is

    q = softmax of t a over the units of a place,  q̃ = q of the largest a, −q of the others
    Δw_o = Σ over rows and places of q̃_o (x' − a_o w_o)
    w_o ← w_o + η |‖w_o‖ − 1|^½ Δw_o / max |Δw|

with a = x'·w_o + b_o. Before its first step W is multiplied by the radius R; `initial` is from before that. The cases:

    convolution  images of 6 x 6. 3 x 3 to 4 units, triangle to the power 0.7, largest of 2 x 2; batch norm, 3 x 3 to 6 units,
                 triangle to the power 1.4. The softmax reads the last
    dense        16 → 9 → 7 with ReLU, N(x) = x/√(mean x²) before each. The softmax reads both

`step_1.gradients` has Δw / max |Δw|, and the softmax's gradients.
"""

import numpy as np

from golden import normalise, require, softmax
from pieces import BatchNorm, MaxPool, draw_striped, follow, main
from unlabelled import Block, Conv, Dense, Triangle, Unlabelled, draw

CLASSES, ROWS, STEPS = 3, 8, 10
HEAD_RATE, DECAY = 0.02, 0.01
CASES = {
    "convolution": {
        "radius": 5.0,
        "layers": [{"rate": 0.08, "inverse_temperature": 1.0}, {"rate": 0.02, "inverse_temperature": 0.65}],
    },
    "dense": {
        "radius": 2.0,
        "layers": [{"rate": 0.05, "inverse_temperature": 0.5}, {"rate": 0.1, "inverse_temperature": 2.0}],
    },
}


class Competition:
    """The rule. `layers`: η and t of each."""

    def __init__(self, blocks, layers):
        self.blocks, self.layers, self.gap = blocks, layers, np.inf

    def weight(self, l):
        return f"{self.blocks[l].product.path}.weight"

    def learn(self, l, p, seen, a, t):
        w, units = p[self.weight(l)], a.shape[2]
        places = a.reshape(-1, units)
        q = softmax(self.layers[l]["inverse_temperature"] * places)
        wins = places.argmax(axis=1)[:, None] == np.arange(units)
        ranked = np.sort(places, axis=1)
        self.gap = min(self.gap, (ranked[:, -1] - ranked[:, -2]).min())
        signed = np.where(wins, q, -q)
        dw = seen.reshape(len(places), -1).T @ signed - w * (signed * places).sum(axis=0)
        said = {"winner_share": q[wins].mean(), "weight_length": np.sqrt((w**2).sum(axis=0)).mean()}
        return said, {self.weight(l): dw / abs(dw).max()}

    def move(self, p, told):
        for l, layer in enumerate(self.layers):
            w = p[self.weight(l)]
            length = np.sqrt((w**2).sum(axis=0))
            p[self.weight(l)] = w + layer["rate"] * np.sqrt(abs(length - 1)) * told[self.weight(l)]


def blocks_of(case):
    if case == "dense":
        return [Block([], Dense("0", 16, 9), True, []), Block([], Dense("1", 9, 7), True, [])]
    return [
        Block([], Conv("0.0", 6, 1, 4), False, [Triangle(4, 0.7), MaxPool(6, 4)]),
        Block([BatchNorm("1.0", 4)], Conv("1.1", 3, 4, 6), False, [Triangle(6, 1.4)]),
    ]


def run(case, p, batches, test):
    """What happens, and how near two units of a place ever come."""
    blocks, settings = blocks_of(case), CASES[case]
    for block in blocks:
        p[f"{block.product.path}.weight"] = p[f"{block.product.path}.weight"] * settings["radius"]
    rule = Competition(blocks, settings["layers"])
    norm, reads = (normalise, (0, 1)) if case == "dense" else (lambda x: x, (1,))
    happened = Unlabelled(blocks, rule, HEAD_RATE, DECAY, norm, reads).run(p, batches, test)
    return happened, rule.gap


def train(case, rng):
    side, reads, widths = (4, (0, 1), [9, 7]) if case == "dense" else (6, (1,), [36, 54])
    initial = draw(blocks_of(case), reads, widths, CLASSES, rng, bias=0.1)
    batches = [draw_striped(rng, ROWS, side * side, CLASSES) for _ in range(STEPS)]
    test = draw_striped(rng, ROWS, side * side, CLASSES)
    gaps = []

    def once(*all):
        happened, gap = run(case, *all)
        gaps.append(gap)
        return happened

    happened = follow(once, initial, batches, test)
    require(min(gaps) > 2e-5, f"no place should be near a tie ({min(gaps):.0e})")
    scores = np.sort(happened["test_scores"]["head"], axis=1)
    require((scores[:, -1] - scores[:, -2]).min() > 1e-4, "no answer should be near a tie")
    return CASES[case] | {"initial": initial, "batches": batches, "test": test} | happened


def build(seed):
    rng = np.random.default_rng(seed)
    return {
        "about": "Golden numbers of SoftHebb, made by soft_hebb.py; unlabelled.md says what each field is.",
        "seed": seed,
        "settings": {"classes": CLASSES, "rows": ROWS, "steps": STEPS, "head_rate": HEAD_RATE, "decay": DECAY},
    } | {case: train(case, rng) for case in CASES}


if __name__ == "__main__":
    main(__file__, __doc__, 3, build)

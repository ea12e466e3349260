"""Golden numbers of local heads: four cases on one trunk, one step in full and ten steps of losses of each.

Images of 4 x 4 pixels, 3 classes, 8 rows a batch. pieces.py has the formulas of the pieces and of the scores, class_layers.py
those of layers that learn by themselves; here

    f_0 = convolution 3 x 3 to 4 channels, padding 1      f_1 = layer norm, dense 64 → 7      f_2 = dense 7 → 6, layer norm

all with ReLU (before the layer norm), and the cases

    projection   s = h M + b of all that a layer says
    maps         mean squares of a class's map; T = 2, ε = 0.1
    pooled       a linear map of channel means; N(h) = h/√(mean h²) before the first layer and between layers
    windows      projection, in windows of two layers: at steps 1, 3, … the loss of layer 1 trains layers 0 and 1 and layer 2
                 rests, at steps 2, 4, … that of layer 0 trains layer 0, and that of layer 2 trains layers 1 and 2

AdamW of rate 0.01 for the layers and 0.02 for the scores, λ = 0.01. Answers by the sum of all layers' scores, by the last, by
each. The script proves the gradients against finite differences before it writes anything.
"""

import numpy as np

from class_layers import Layers
from golden import normalise, require
from pieces import Conv, Dense, Maps, Norm, Pooled, Projection, Stack, copy, draw_striped, examine, follow, main

CLASSES, SIDE, ROWS, STEPS = 3, 4, 8, 10
RATE, HEAD_RATE, DECAY = 0.01, 0.02, 0.01
CASES = {
    "projection": {"score": "projection"},
    "maps": {"score": "maps", "temperature": 2.0, "label_smoothing": 0.1},
    "pooled": {"score": "pooled", "norm": "rms"},
    "windows": {"score": "projection", "window": 2},
}


def layers(score, temperature=1.0, label_smoothing=0.0, norm="none", window=1):
    kind, sides = {"projection": (Projection, (64, 7, 6)), "maps": (Maps, (4, 7, 6)), "pooled": (Pooled, (4, 7, 6))}[score]
    return Layers(
        blocks=[Conv("0", 4, 1, 4), Stack(Norm(), Dense("1", 64, 7)), Stack(Dense("2", 7, 6), Norm())],
        scores=[kind(f"score.{l}", n, CLASSES) for l, n in enumerate(sides)],
        rate=RATE, score_rate=HEAD_RATE, decay=DECAY,
        norm=normalise if norm == "rms" else lambda x: x,
        temperature=temperature, smoothing=label_smoothing, window=window,
    )


def train(settings, trunk, batches, test, rng):
    """One case, from the trunk's parameters and scores of its own."""
    net = layers(**settings)
    scores = {name: values for score in net.scores for name, values in score.draw(rng).items()}
    initial = trunk | scores
    net.prove(copy(initial), batches[0], rng)
    happened = follow(lambda *case: layers(**settings).run(*case), initial, batches, test)
    examine(happened)
    require(happened.pop("corners") > 2e-6, "no unit should be at ReLU's corner")
    if settings not in (CASES["projection"], CASES["pooled"]):
        del happened["step_1"]["h"]  # as the projection's
    return {"settings": settings, "initial": scores} | happened


def build(seed):
    rng = np.random.default_rng(seed)
    trunk = {name: values for block in layers("maps").blocks for name, values in block.draw(rng).items()}
    batches = [draw_striped(rng, ROWS, SIDE * SIDE, CLASSES) for _ in range(STEPS)]
    test = draw_striped(rng, ROWS, SIDE * SIDE, CLASSES)
    return {
        "about": "Golden numbers of local heads, made by local_heads.py; class_layers.md says what each field is.",
        "seed": seed,
        "settings": {
            "classes": CLASSES, "side": SIDE, "rows": ROWS, "steps": STEPS, "rate": RATE, "head_rate": HEAD_RATE, "decay": DECAY,
        },
        "initial": trunk,
        "batches": batches,
        "test": test,
    } | {name: train(settings, trunk, batches, test, rng) for name, settings in CASES.items()}


if __name__ == "__main__":
    main(__file__, __doc__, 5, build)

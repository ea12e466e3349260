"""Golden numbers of DeeperForward on a small convolutional network: one step in full, ten steps of losses.

Images of 6 x 6 pixels, 3 classes, 8 rows a batch. pieces.py has the formulas of the pieces, class_layers.py those of layers
that learn by themselves; here

    f_0 = layer norm, convolution to 6 channels       f_1 = group norm (3), average pool, convolution to 9
    f_2 = group norm (3), convolution to 6            every convolution 3 x 3, padding 1, ReLU

    g_c = mean of h over the channels of group c and all pixels,  L = −(1/B) Σ log softmax(g)_y,   in every layer
    dL/dh = (p_c − [c = y]) / (B N) on group c,  N = (channels/3)·pixels;  nothing flows back into the layer below
    answer: argmax_c Σ_l g_c^l from l = 1 on

AdamW of rate 0.02, λ = 0.01. The script proves the gradients against finite differences before it writes anything.
"""

import numpy as np

from class_layers import Layers
from golden import require
from pieces import AveragePool, Conv, GroupMeans, Norm, Stack, copy, draw_striped, examine, follow, main

CLASSES, SIDE, ROWS, STEPS = 3, 6, 8, 10
RATE, DECAY = 0.02, 0.01


def layers():
    return Layers(
        blocks=[
            Stack(Norm(), Conv("0", 6, 1, 6)),
            Stack(Norm(6, 3), AveragePool(6, 6), Conv("1", 3, 6, 9)),
            Stack(Norm(9, 3), Conv("2", 3, 9, 6)),
        ],
        scores=[GroupMeans(CLASSES, channels) for channels in (6, 9, 6)],
        rate=RATE, score_rate=RATE, decay=DECAY, sum_from=1,
    )


def build(seed):
    rng = np.random.default_rng(seed)
    net = layers()
    initial = {name: values for block in net.blocks for name, values in block.draw(rng).items()}
    batches = [draw_striped(rng, ROWS, SIDE * SIDE, CLASSES) for _ in range(STEPS)]
    test = draw_striped(rng, ROWS, SIDE * SIDE, CLASSES)
    net.prove(copy(initial), batches[0], rng)
    happened = follow(lambda *case: layers().run(*case), initial, batches, test)
    examine(happened)
    require(happened.pop("corners") > 2e-6, "no unit should be at ReLU's corner")
    for h in happened["step_1"]["h"]:
        require(0.25 < np.mean(h == 0) < 0.75, "in every layer, about half should be off")
    return {
        "about": "Golden numbers of DeeperForward, made by deeper_forward.py; class_layers.md says what each field is.",
        "seed": seed,
        "settings": {"classes": CLASSES, "side": SIDE, "rows": ROWS, "steps": STEPS, "rate": RATE, "decay": DECAY},
        "initial": initial,
        "batches": batches,
        "test": test,
    } | happened


if __name__ == "__main__":
    main(__file__, __doc__, 26, build)

"""Golden numbers of CwComp on a small convolutional network: one step in full, ten steps of losses in three epochs.

Images of 6 x 6 pixels, 3 classes, 8 rows a batch. pieces.py has the formulas of the pieces, class_layers.py those of layers
that learn by themselves; here

    f_0 = convolution to 6 channels, batch norm, affine
    f_1 = convolution to 9 channels in 3 groups, max pool, batch norm, affine       every convolution 3 x 3, padding 1, ReLU

    G_c = mean of h² over the channels of group c and all pixels,  L = −(1/B) Σ log softmax(G)_y,   in every layer
    dL/dh = 2 h (p_c − [c = y]) / (B N) on group c,  N = (channels/3)·pixels;  nothing flows back into the layer below
    head: z = h_1 H on all that the last layer says in the step, softmax cross-entropy

Steps 1 to 4 are epoch 1, in which both layers learn; 5 to 7 are epoch 2, in which layer 1 does and layer 0 is frozen: it
normalises by its running means, which rest. In epoch 3, steps 8 to 10, only the head learns.

AdamW of rate 0.02 for the layers and 0.005 for the head, λ = 0.01. The script proves the gradients against finite differences
before it writes anything.
"""

import numpy as np

from class_layers import Layers
from golden import require, slope
from pieces import Affine, BatchNorm, Conv, GroupSquares, MaxPool, Stack, copy, draw_striped, examine, follow, loss, main

CLASSES, SIDE, ROWS, STEPS = 3, 6, 8, 10
RATE, HEAD_RATE, DECAY = 0.02, 0.005, 0.01
EPOCHS = [1, 1, 1, 1, 2, 2, 2, 3, 3, 3]
WINDOWS = [(1, 1), (1, 2)]
HEAD = "head.1.weight"


def layers():
    return Layers(
        blocks=[
            Stack(Conv("0.0", 6, 1, 6), BatchNorm("0.1", 6), Affine("0.1", 6)),
            Stack(Conv("1.0", 6, 6, 9, groups=3), MaxPool(6, 9), BatchNorm("1.2", 9), Affine("1.2", 9)),
        ],
        scores=[GroupSquares(CLASSES, channels) for channels in (6, 9)],
        rate=RATE, score_rate=RATE, decay=DECAY, head=HEAD, head_rate=HEAD_RATE, spans=WINDOWS,
    )


def prove_head(p, batch, rng):
    p = p | {HEAD: rng.normal(size=p[HEAD].shape)}
    told, moved, _ = layers().gradients(dict(p), batch, 1, 1)
    direction = rng.normal(size=p[HEAD].shape)
    measured = slope(lambda: loss(told["h"][-1] @ p[HEAD], batch["y"])[0], p[HEAD], direction)
    closed = np.sum(moved["head"][HEAD] * direction)
    assert abs(closed - measured) < 1e-7 * (1 + abs(measured)), (closed, measured)


def build(seed):
    rng = np.random.default_rng(seed)
    net = layers()
    initial = {name: values for block in net.blocks for name, values in block.draw(rng).items()}
    for name in [name for name in initial if name.startswith("1.0") and name.endswith("bias")]:
        initial[name] -= 0.75  # some windows are off: were none, the mean would take the bias away and its gradient be noise
    initial[HEAD] = np.zeros((9 * 9, CLASSES))
    batches = [draw_striped(rng, ROWS, SIDE * SIDE, CLASSES) for _ in range(STEPS)]
    test = draw_striped(rng, ROWS, SIDE * SIDE, CLASSES)
    net.prove(copy(initial), batches[0], rng)
    prove_head(copy(initial), batches[0], rng)
    happened = follow(lambda *case: layers().run(*case, EPOCHS), initial, batches, test)
    examine(happened)
    require(happened.pop("corners") > 2e-6, "no unit should be at ReLU's corner, no window near a tie")
    return {
        "about": "Golden numbers of CwComp, made by channel_competition.py; class_layers.md says what each field is.",
        "seed": seed,
        "settings": {
            "classes": CLASSES, "side": SIDE, "rows": ROWS, "steps": STEPS, "rate": RATE, "head_rate": HEAD_RATE,
            "decay": DECAY, "epochs": EPOCHS, "windows": WINDOWS,
        },
        "initial": initial,
        "batches": batches,
        "test": test,
    } | happened


if __name__ == "__main__":
    main(__file__, __doc__, 22, build)

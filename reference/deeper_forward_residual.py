"""Golden numbers of DeeperForward with ways around layers: one step in full, ten steps of losses.

Images of 6 x 6 pixels, 3 classes, 8 rows a batch. pieces.py has the formulas of the pieces; N is group norm in 3 groups,
P average pooling, C_l a convolution of 3 x 3, padding 1, ReLU, which is layer l:

    x_0 = N C_0 layer norm (image)                  6 channels
    x_1 = N C_2 N C_1 (x_0) + x_0                   6
    x_2 = [N C_4 N C_3 (x_1) | x_1]                 12, those of the layers first
    x_3 = N C_5 P (x_2) + P (x_2)                   12, of 3 x 3 pixels
          C_6 (x_3)                                 6

    g_c = mean of h_l over the channels of group c and all pixels,  h_l what C_l says, before N
    L_l = −(1/B) Σ log softmax(g)_y,  dL_l/dh_l = (p_c − [c = y]) / (B n) on group c,  n = (channels/3)·pixels
    answer: argmax_c Σ_l g_c^l from l = 1 on

L_l moves C_l alone: nothing flows back past it, neither below nor along a way around. All layers learn in a step, from what
was said before anything moved. AdamW of rate 0.02, λ = 0.01. The script proves the gradients against finite differences
before it writes anything.
"""

import numpy as np

from golden import require
from pieces import AdamW, AveragePool, Conv, GroupMeans, Norm, Stack, copy, draw_striped, examine, follow, loss, main, prove

CLASSES, SIDE, ROWS, STEPS = 3, 6, 8, 10
RATE, DECAY, SUM_FROM = 0.02, 0.01, 1


class Around:
    """`inner`, and what `around` makes of its input: added, or beside it, channel by channel."""

    def __init__(self, inner, around=None, beside=False):
        self.inner, self.around, self.beside = inner, around, beside

    def join(self, y, s, pixels):
        if not self.beside:
            return y + s
        places = lambda rows: rows.reshape(len(rows), pixels, -1)
        return np.concatenate([places(y), places(s)], axis=2).reshape(len(y), -1)


def network():
    n = lambda channels: Norm(channels, 3)
    return [
        Stack(Norm(), Conv("0", 6, 1, 6), n(6)),
        Around(Stack(Conv("1", 6, 6, 6), n(6), Conv("2", 6, 6, 6), n(6))),
        Around(Stack(Conv("3", 6, 6, 6), n(6), Conv("4", 6, 6, 6), n(6)), beside=True),
        Around(Stack(AveragePool(6, 12), Conv("5", 3, 12, 12), n(12)), around=AveragePool(6, 12)),
        Conv("6", 3, 12, 6),
    ]


def rise(piece, x, visit):
    """What comes out of a piece, `visit` standing for each that is made of no others."""
    if isinstance(piece, Stack):
        for one in piece.pieces:
            x = rise(one, x, visit)
        return x
    if isinstance(piece, Around):
        return piece.join(rise(piece.inner, x, visit), rise(piece.around, x, visit) if piece.around else x, SIDE * SIDE)
    return visit(piece, x)


def convolutions():
    found = []
    visit = lambda piece, x: found.append(piece) if isinstance(piece, Conv) else None
    for piece in network():
        rise(piece.inner if isinstance(piece, Around) else piece, None, visit)
    return found


def through(p, x, layer):
    """Up through the network: `layer(conv, x)` says what a layer says."""
    visit = lambda piece, x: layer(piece, x) if isinstance(piece, Conv) else piece.up(p, x, True)[0]
    for piece in network():
        x = rise(piece, x, visit)


def gradients(p, batch):
    """What a step does but move parameters; x that each layer sees."""
    told, moved, seen = {"scores": [], "losses": [], "errors": [], "corners": [], "off": []}, {}, []

    def layer(conv, x):
        h, kept = conv.up(p, x, True)
        score = GroupMeans(CLASSES, conv.n_out)
        g, groups = score.up(p, h)
        one, dg, wrong = loss(g, batch["y"])
        require(abs(dg.sum(axis=1)).max() < 1e-6, "what one class gains the others lose")
        conv.back(p, kept, score.back(p, groups, dg, {}), moved)
        normed = Norm(conv.n_out, CLASSES).up(p, h, True)[0]
        require(abs(score.up(p, normed)[0]).max() < 1e-5, "the norm leaves nothing of the goodness")
        for name, value in [("scores", g), ("losses", one), ("errors", wrong), ("corners", conv.corners(kept))]:
            told[name].append(value)
        told["off"].append(np.mean(h == 0))
        seen.append((conv, x))
        return h

    through(p, batch["x"], layer)
    return told, moved, seen


def check(p, batch, rng):
    """The closed forms against finite differences, what a layer sees held fixed."""
    _, moved, seen = gradients(p, batch)
    for conv, x in seen:
        own = {name: g for name, g in moved.items() if name.startswith(f"{conv.path}.")}
        value = lambda q: loss(GroupMeans(CLASSES, conv.n_out).up(q, conv.up(q, x, True)[0])[0], batch["y"])[0]
        prove(f"layer {conv.path}", value, p, own, rng)


def predict(p, x):
    each = []

    def layer(conv, x):
        h, _ = conv.up(p, x, False)
        each.append(GroupMeans(CLASSES, conv.n_out).up(p, h)[0])
        return h

    through(p, x, layer)
    return {"sum": sum(each[SUM_FROM:]), "last": each[-1]} | {f"layer.{l + 1}": g for l, g in enumerate(each)}


def run(p, batches, test):
    mover, happened = AdamW(RATE, DECAY), []
    for batch in batches:
        told, moved, _ = gradients(p, batch)
        mover.step(p, moved)
        happened.append((told, moved))
    told, moved = happened[0]
    return {
        "step_1": {"scores": told["scores"], "gradients": moved},
        "losses": [{"layers": told["losses"], "errors": told["errors"]} for told, _ in happened],
        "final": p,
        "test_scores": predict(p, test["x"]),
        "corners": min(min(told["corners"]) for told, _ in happened),
        "off": told["off"],
    }


def build(seed):
    rng = np.random.default_rng(seed)
    initial = {name: values for conv in convolutions() for name, values in conv.draw(rng).items()}
    batches = [draw_striped(rng, ROWS, SIDE * SIDE, CLASSES) for _ in range(STEPS)]
    test = draw_striped(rng, ROWS, SIDE * SIDE, CLASSES)
    check(copy(initial), batches[0], rng)
    happened = follow(run, initial, batches, test)
    examine(happened)
    require(happened.pop("corners") > 2e-6, "no unit should be at ReLU's corner")
    require(all(0.2 < off < 0.8 for off in happened.pop("off")), "in every layer, about half should be off")
    return {
        "about": "Golden numbers of DeeperForward with ways around layers, made by deeper_forward_residual.py; class_layers.md says what each field is.",
        "seed": seed,
        "settings": {"classes": CLASSES, "side": SIDE, "rows": ROWS, "steps": STEPS, "rate": RATE, "decay": DECAY},
        "initial": initial,
        "batches": batches,
        "test": test,
    } | happened


if __name__ == "__main__":
    main(__file__, __doc__, 1, build)

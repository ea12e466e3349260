"""Layers that each learn the classes by themselves: what deeper_forward.py, local_heads.py and channel_competition.py share.

    x_0 = N(image),  h_l = f_l(x_l),  s_l = score_l(h_l),  L_l = loss(s_l),  x_{l+1} = N(h_l),   l = 0 … top

Every L_l trains f_l and score_l; nothing flows back from x_l into layer l − 1. All gradients of a step are taken before
anything moves. In windows of w layers, only those with (l + t) mod w = 0 have a loss at step t = 1, 2, …, and it trains the
w layers that end with l (fewer where these would begin below 0); layers above the last of them rest. A layer outside of its
epochs is frozen: it has no loss and does as outside of training. A head reads what the last layer says in the step:
z = h_top H, H = 0 at first, and learns by softmax cross-entropy of its own.
"""

from dataclasses import dataclass, field

import numpy as np

from pieces import AdamW, loss, prove


@dataclass
class Layers:
    """f_l and score_l of every layer, and how they learn. `spans`: first and last epoch of each layer."""

    blocks: list
    scores: list
    rate: float
    score_rate: float
    decay: float
    head: str | None = None
    head_rate: float = 0.0
    norm: object = lambda x: x
    temperature: float = 1.0
    smoothing: float = 0.0
    window: int = 1
    spans: list | None = None
    sum_from: int = 0
    steps: dict = field(default_factory=dict)

    def learns(self, l, epoch):
        return self.spans is None or self.spans[l][0] <= epoch <= self.spans[l][1]

    def judge(self, s, y):
        return loss(s, y, self.temperature, self.smoothing)

    def window_loss(self, p, first, l, x, y):
        """L_l as a function of the parameters of the window that begins with layer `first`, which sees x."""
        for block in self.blocks[first : l + 1]:
            x, _ = block.up(p, x, True)
        return self.judge(self.scores[l].up(p, x)[0], y)[0]

    def gradients(self, p, batch, t, epoch):
        """All that a step does but move parameters: what the layers say, losses, gradients by who moves them."""
        count = len(self.blocks)
        told = {"h": [], "scores": [None] * count, "losses": [None] * count, "errors": [None] * count, "corners": []}
        moved, windows = {"layers": {}, "scores": {}, "head": {}}, []
        x, bottom, kept = self.norm(batch["x"]), None, []
        for l, (block, score) in enumerate(zip(self.blocks, self.scores)):
            learns = self.learns(l, epoch)
            if not kept:
                bottom = x
            h, own = block.up(p, x, learns)
            told["h"].append(h)
            x = self.norm(h)
            if not learns:
                continue
            kept.append(own)
            told["corners"].append(block.corners(own))
            if (l + t) % self.window == 0:
                s, seen = score.up(p, h)
                told["scores"][l] = s
                told["losses"][l], ds, told["errors"][l] = self.judge(s, batch["y"])
                dh = score.back(p, seen, ds, moved["scores"])
                first = l + 1 - len(kept)
                for below in range(l, first - 1, -1):
                    dh = self.blocks[below].back(p, kept.pop(), dh, moved["layers"])
                windows.append((first, l, bottom))
        if self.head:
            z = x @ p[self.head]
            told["head_loss"], dz, _ = loss(z, batch["y"])
            moved["head"][self.head] = x.T @ dz
        return told, moved, windows

    def prove(self, p, batch, rng):
        """The closed forms of the first two steps against finite differences, what a window sees held fixed."""
        for t in range(1, self.window + 1):
            own = dict(p)
            _, moved, windows = self.gradients(own, batch, t, 1)
            for first, l, x in windows:
                names = {name for block in [*self.blocks[first : l + 1], self.scores[l]] for name in block.draw(rng)}
                of_window = {name: g for name, g in (moved["layers"] | moved["scores"]).items() if name in names}
                prove(f"layers {first} to {l}", lambda q: self.window_loss(q, first, l, x, batch["y"]), p, of_window, rng)

    def predict(self, p, x):
        """Scores [B, K] by every read-out."""
        x, each = self.norm(x), []
        for block, score in zip(self.blocks, self.scores):
            h, _ = block.up(p, x, False)
            each.append(score.up(p, h)[0])
            x = self.norm(h)
        by = {"sum": sum(each[self.sum_from :]), "last": each[-1]}
        by |= {f"layer.{l + 1}": s for l, s in enumerate(each)}
        return by | ({"head": x @ p[self.head]} if self.head else {})

    def run(self, p, batches, test, epochs=None):
        """Ten steps from the parameters p, which it changes; `epochs`: the epoch of each step."""
        movers = {
            "layers": AdamW(self.rate, self.decay),
            "scores": AdamW(self.score_rate, self.decay),
            "head": AdamW(self.head_rate, self.decay),
        }
        happened = []
        for t, batch in enumerate(batches, 1):
            told, moved, _ = self.gradients(p, batch, t, epochs[t - 1] if epochs else 1)
            for who, gradients in moved.items():
                movers[who].step(p, gradients)
            happened.append((told, {name: g for part in moved.values() for name, g in part.items()}))
        told, gradients = happened[0]
        step = lambda told: {"layers": told["losses"], "errors": told["errors"]}
        head = lambda told: {"head": told["head_loss"]} if self.head else {}
        return {
            "step_1": {"h": told["h"], "scores": told["scores"], "gradients": gradients},
            "losses": [step(told) | head(told) for told, _ in happened],
            "final": p,
            "test_scores": self.predict(p, test["x"]),
            "corners": min(min(told["corners"], default=np.inf) for told, _ in happened),
        }

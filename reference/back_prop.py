"""Golden numbers of back-propagation on a plain network: one step in full, ten steps of losses, two optimizers.

Rows are samples. B rows a batch, K classes; W_l [n_{l−1}, n_l], b_l [n_l]; layers 1 … L hidden, L + 1 the output.

    x_0 = N(x) = x / (tiny + √(mean x²)),  a_l = x_{l−1} W_l + b_l,  x_l = h_l = max(0, a_l)   (no norm between layers)
    s = h_L W_{L+1} + b_{L+1},  q = softmax(s),  t = (1 − ε) onehot(y) + ε/K
    L = −(1/B) Σ_rows Σ_k t_k log q_k

    ∂L/∂s = (q − t) / B,  ∂L/∂W_l = x_{l−1}ᵀ ∂L/∂a_l,  ∂L/∂b_l = Σ_rows ∂L/∂a_l
    ∂L/∂a_l = (∂L/∂a_{l+1} W_{l+1}ᵀ) · [a_l > 0]

Two cases from the same weights and batches, g being the gradient, w a parameter, decay λ on W only, never on b:
    sgd     ε = 0:    v ← 0.9 v + g,  w ← w − 0.05 (v + λ w),  λ = 0.001,  v₀ = 0
    adam_w  ε = 0.1:  m ← 0.9 m + 0.1 g,  v ← 0.999 v + 0.001 g²,  m̂ = m / (1 − 0.9ᵗ),  v̂ = v / (1 − 0.999ᵗ),
                      w ← w − 0.01 (m̂ / (√v̂ + 10⁻⁸) + λ w),  λ = 0.01,  t = 1, 2, …

The script proves the gradients against finite differences before it writes anything.
"""

import numpy as np

from golden import draw_batch, draw_weights, main, normalise, relu, require, slope, softmax

N_IN, CLASSES, WIDTHS, ROWS, STEPS = 12, 4, [8, 7], 5, 10
SGD = {"kind": "sgd", "smoothing": 0.0, "rate": 0.05, "momentum": 0.9, "decay": 0.001}
ADAM_W = {"kind": "adam_w", "smoothing": 0.1, "rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "decay": 0.01}


def forward(net, x):
    """Layer inputs x_0 … x_L, total inputs a_1 … a_L, and the logits s [B, K]."""
    inputs, totals = [normalise(x)], []
    for w, b in zip(net["w"][:-1], net["b"][:-1]):
        totals.append(inputs[-1] @ w + b)
        inputs.append(relu(totals[-1]))
    return {"x": inputs, "a": totals, "logits": inputs[-1] @ net["w"][-1] + net["b"][-1]}


def targets(y, smoothing):
    return (1 - smoothing) * np.eye(CLASSES)[y] + smoothing / CLASSES


def cross_entropy(logits, t):
    return -np.sum(t * np.log(softmax(logits))) / len(t)


def backward(net, run, t):
    """∂L/∂W and ∂L/∂b of every layer, and ∂L/∂a of every layer, the logits' last."""
    d_totals = [(softmax(run["logits"]) - t) / len(t)]
    for w, a in zip(net["w"][:0:-1], run["a"][::-1]):
        d_totals.insert(0, (d_totals[0] @ w.T) * (a > 0))
    d_w = [x.T @ d for x, d in zip(run["x"], d_totals)]
    return {"w": d_w, "b": [d.sum(axis=0) for d in d_totals], "a": d_totals}


def update(settings, time, w, g, moments, decay):
    """The parameter after its `time`-th update (from 1); changes its `moments`, a list of one or two arrays."""
    if settings["kind"] == "sgd":
        moments[0] = settings["momentum"] * moments[0] + g
        return w - settings["rate"] * (moments[0] + decay * w)
    beta_1, beta_2 = settings["beta_1"], settings["beta_2"]
    moments[0] = beta_1 * moments[0] + (1 - beta_1) * g
    moments[1] = beta_2 * moments[1] + (1 - beta_2) * g**2
    m_hat, v_hat = moments[0] / (1 - beta_1**time), moments[1] / (1 - beta_2**time)
    return w - settings["rate"] * (m_hat / (np.sqrt(v_hat) + settings["epsilon"]) + decay * w)


def step(net, moments, settings, time, batch):
    """One training step, which changes `net` and `moments`; returns all that happened on the way."""
    t = targets(batch["y"], settings["smoothing"])
    run = forward(net, batch["x"])
    gradients = backward(net, run, t)
    for name, decay in (("w", settings["decay"]), ("b", 0.0)):
        for l, g in enumerate(gradients[name]):
            net[name][l] = update(settings, time, net[name][l], g, moments[name][l], decay)
    return {
        "forward": run | {"probabilities": softmax(run["logits"])},
        "gradients": gradients,
        "loss": cross_entropy(run["logits"], t),
        "errors": np.mean(run["logits"].argmax(axis=1) != batch["y"]),
    }


def prove_gradients(net, batch, settings, gradients, rng):
    """The closed forms against finite differences."""
    t = targets(batch["y"], settings["smoothing"])
    for name in ("w", "b"):
        for l, parameter in enumerate(net[name]):
            direction = rng.normal(size=parameter.shape)
            measured = slope(lambda: cross_entropy(forward(net, batch["x"])["logits"], t), parameter, direction)
            closed = np.sum(gradients[name][l] * direction)
            assert abs(closed - measured) < 1e-7 * (1 + abs(measured)), (name, l, closed, measured)


def examine(happened, test):
    """Refuses a case in which some term would not show, or single precision could not follow."""
    for l in range(len(WIDTHS)):
        require(0.3 < np.mean(happened[0]["forward"]["a"][l] < 0) < 0.7, "in every layer, about half should be off")
    for one in happened:
        require(all(abs(a).min() > 1e-3 for a in one["forward"]["a"]), "no unit should be at ReLU's corner")
        sure = np.sort(one["forward"]["logits"], axis=1)
        require((sure[:, -1] - sure[:, -2]).min() > 1e-3, "no prediction should be near a tie")
        for g in one["gradients"]["w"] + one["gradients"]["b"]:
            require(abs(g[g != 0]).min() > 1e-5, "no gradient should be noise: Adam turns its sign into a full step")
    errors = np.array([one["errors"] for one in happened])
    require(0 < errors.mean() < 1, "some rows should be right and some wrong")
    require(len(set(test.argmax(axis=1))) > 1, "more than one class should be predicted")


def copy(net):
    return {name: [a.copy() for a in arrays] for name, arrays in net.items()}


def train(settings, initial, batches, test, rng):
    """Ten steps with one optimizer from the initial parameters."""
    net = copy(initial)
    count = 1 if settings["kind"] == "sgd" else 2
    moments = {name: [[np.zeros_like(a)] * count for a in arrays] for name, arrays in net.items()}
    happened = [step(net, moments, settings, 1, batches[0])]
    after_one = copy(net)
    happened += [step(net, moments, settings, time, batch) for time, batch in enumerate(batches[1:], 2)]
    scores = forward(net, test["x"])["logits"]
    examine(happened, scores)
    prove_gradients(copy(initial), batches[0], settings, happened[0]["gradients"], rng)
    return {
        "settings": settings,
        "step_1": {name: happened[0][name] for name in ("forward", "gradients")} | {"after": after_one},
        "losses": [one["loss"] for one in happened],
        "errors": [one["errors"] for one in happened],
        "final": net,
        "test_logits": scores,
    }


def build(seed):
    rng = np.random.default_rng(seed)
    sizes = [N_IN, *WIDTHS, CLASSES]
    initial = {
        "w": [draw_weights(rng, *pair) for pair in zip(sizes, sizes[1:])],
        "b": [np.zeros(n) for n in sizes[1:]],
    }
    batches = [draw_batch(rng, ROWS, N_IN, CLASSES) for _ in range(STEPS)]
    test = draw_batch(rng, ROWS, N_IN, CLASSES)
    return {
        "about": "Golden numbers of back-propagation, made by back_prop.py; README.md says what each field is.",
        "seed": seed,
        "settings": {"n_in": N_IN, "classes": CLASSES, "widths": WIDTHS, "rows": ROWS, "steps": STEPS},
        "initial": initial,
        "batches": batches,
        "test": test,
        "sgd": train(SGD, initial, batches, test, rng),
        "adam_w": train(ADAM_W, initial, batches, test, rng),
    }


if __name__ == "__main__":
    main(__file__, __doc__, 30, build)

"""Search for the optical set-up behind the published microstructures: coupled-wave analysis against 100 images.

    python benchmarks/published_optics.py --check                    # against closed forms, on the CPU
    python benchmarks/published_optics.py --data ganmdn_dataset_z4.npz --seconds 200 --out optics.jsonl

The data are images `x` (100, 64, 64) and a number each, `y` (100,): "optical absorption" by coupled-wave analysis
[1]_, whose wavelength, period, materials and layers are not published. Designs are drawn at random (`draw`): period,
solid, phase that is solid, filling of the other, thickness, films below, five wavelengths. A design stands for a few
thousand set-ups: each wavelength or a mean of several, four thicknesses, seven backings, with and without a coating,
polarisation, quantity.

1. Half of the images, by a permutation of seed 0, is there to select. For half of the time designs are drawn and
   computed at the low order on `--images` of them. By each of three measures (root mean square error without any fit,
   Spearman's and Pearson's correlation) the best set-up of each design is kept.
2. The best `--survivors` designs by each measure are computed again at the high order, on all of that half.
3. The best ten of them by each measure are judged on the other half, at both orders, beside three regressions
   fitted on the first half: on the perimeter, on the share of white, and a ridge on both.

`--out` gets a line of JSON for every design and set-up as it is done; a second run with the same options skips what
is there and goes on. Stages 2 and 3 stop at four fifths and at the end of the time, the best first.

.. [1] Y. Mao et al., "Generative adversarial networks and mixture density networks-based inverse modeling for
       microstructural materials design", Integr. Mater. Manuf. Innov. 11, 2022
"""

import argparse
import json
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from _common import print_header, print_row
from scipy.stats import rankdata
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skinverse.simulators import MicrostructureAbsorber, rcwa
from skinverse.simulators.microstructure_absorber import _direct, _tangential, _waves

SILICA = 1.45
COATING = (70.0, 2.0)  # thickness, nm, and index: the coating of Martins et al., Nat. Commun. 4, 2013
N_THICKNESSES = 4  # the thickest, a half, a quarter, an eighth
# Behind the pattern: number of the film, or None, and what is behind that.
BACKINGS = [(None, "mirror"), (0, "mirror"), (1, "mirror"), (None, "air"), (None, "silica"), (None, "bulk")]
BACKINGS += [(0, "silica")]
LIGHT = ("1", "2", "3", "4", "5", "1-3", "1-5")  # a wavelength, or the mean over several
POLARISATION = ("x", "y", "mean")
QUANTITY = ("absorbed", "below", "not reflected", "reflected", "transmitted")
MEASURES = ("rmse", "spearman", "pearson")
SIGN = {"rmse": 1, "spearman": -1, "pearson": -1}  # times which the least is the best
MATRICES = 24  # complex128, of the size of the fields, that an image and wavelength takes
# Crystalline silicon, approximately after M. A. Green, Sol. Energy Mater. Sol. Cells 92, 2008: nm, n, k.
SILICON = np.array([[400, 450, 500, 600, 700, 800, 900], [5.57, 4.68, 4.29, 3.94, 3.78, 3.69, 3.62],
                    [0.303, 0.0913, 0.0442, 0.0198, 0.0106, 0.0054, 0.0022]])  # fmt: skip


@dataclass
class Design:
    """Lengths in nm; `solid` and `below` are complex indices of the pattern and of films, one a wavelength."""

    period: float
    material: str
    white: bool  # ones are solid
    filling: float
    thickest: float
    films: tuple
    wavelengths: np.ndarray
    solid: np.ndarray
    below: np.ndarray

    def describe(self, pick):
        """A set-up in words; `pick` indexes LIGHT, thicknesses, BACKINGS, coatings, POLARISATION and QUANTITY."""
        light, t, b, coated, p, q = pick
        lam = self.wavelengths[_wavelengths(light)]
        n, below = self.solid[_wavelengths(light)[0]], self.below[_wavelengths(light)[0]]
        film, behind = BACKINGS[b]
        layers = ["coated"] * coated + [f"{self.thickest / 2**t:.0f} nm"]
        layers += [] if film is None else [f"{self.films[film]:.0f} nm film {below:.2f}"]
        return (
            f"{QUANTITY[q]}, {POLARISATION[p]}, {'+'.join(f'{x:.0f}' for x in lam)} nm, period {self.period:.0f},"
            f" {'white' if self.white else 'black'} {self.material} {n:.2f} in {self.filling},"
            f" {' / '.join([*layers, behind])}"
        )


def amorphous_silicon(wavelengths):
    """Complex index by the Tauc-Lorentz model, G. E. Jellison, F. A. Modine, Appl. Phys. Lett. 69, 1996."""
    gap, A, E0, C, eps_inf = 1.20, 122.0, 3.45, 2.54, 1.15  # eV, for the films of Pierce and Spicer

    def imag(E):
        return np.where(E > gap, A * E0 * C * (E - gap) ** 2 / (((E**2 - E0**2) ** 2 + C**2 * E**2) * E), 0.0)

    E = 1239.84 / np.asarray(wavelengths)
    steps = 0.005 * (np.arange(-20_000, 20_000) + 0.5)  # symmetric about the pole: its principal value
    xi = E[:, None] + steps
    integrand = np.where(xi > 0, xi * imag(np.abs(xi)) / ((xi + E[:, None]) * steps), 0.0)
    return np.sqrt(eps_inf + 2 / np.pi * 0.005 * integrand.sum(axis=1) + 1j * imag(E))


def draw(index, seed):
    """Design of that index, the same whenever it is drawn."""
    rng = np.random.default_rng([seed, index])
    wavelengths = 400 + 100 * (np.arange(5) + rng.random(5))
    period = np.exp(rng.uniform(*np.log((640, 3200) if rng.random() < 0.5 else (200, 640))))
    material = rng.choice(["a-Si", "Si", "constant", "scatterer"], p=[0.35, 0.15, 0.3, 0.2])
    constant = np.full(5, rng.uniform(1.5, 4.5) + 1j * np.exp(rng.uniform(np.log(0.01), 0)))
    amorphous = amorphous_silicon(wavelengths)
    amorphous = amorphous.real + 1j * amorphous.imag * np.exp(rng.uniform(np.log(0.2), np.log(1.5)))
    crystal = np.interp(wavelengths, SILICON[0], SILICON[1]) + 1j * np.exp(
        np.interp(wavelengths, SILICON[0], np.log(SILICON[2]))
    )
    solid = {"a-Si": amorphous, "Si": crystal, "constant": constant, "scatterer": constant.real + 0j}[
        material
    ]
    # A scatterer does not absorb by itself and stands on what does; all others on films of their own.
    below = (constant, amorphous)[rng.integers(2)] if material == "scatterer" else solid
    white, filling = bool(rng.random() < 0.5), float(rng.choice([1.0, SILICA]))
    thickest, films = np.exp(rng.uniform(*np.log((400, 800)))), tuple(rng.uniform(0, 500, 2))
    return Design(period, str(material), white, filling, thickest, films, wavelengths, solid, below)


def respond(designs, wavelengths, images, order, dtype, wanted=None):
    """Shares of power, by coupled-wave analysis.

    Parameters
    ----------
    designs : list of Design
    wavelengths : list of int
        Those to compute, of all designs.
    images : tensor of float64 of shape (n, 64, 64)
    wanted : set of (thickness, backing), all when None

    Returns
    -------
    shares : ndarray of shape (n_designs, n_wavelengths, n, 4, 7, 2, 2, 3)
        By thickness, backing, coating and polarisation: reflected, transmitted, and what goes on below the pattern.
        NaN where not wanted.
    """
    device, real = images.device, torch.float32 if dtype == torch.complex64 else torch.float64
    pairs = [(d, w) for d in designs for w in wavelengths]

    def column(values, dtype=torch.complex128):
        return torch.tensor(values, dtype=dtype, device=device)[:, None, None, None]

    waves = torch.tensor(_waves(order), device=device)
    k = waves * column([d.wavelengths[w] / d.period for d, w in pairs], torch.float64)[:, 0]
    kx, ky = (torch.diag_embed(x)[:, None].to(dtype) for x in k.unbind(-1))
    K, C = torch.cat([kx, ky], -2), torch.cat([ky, -kx], -2)
    one, one_z = (torch.eye(n, dtype=dtype, device=device) for n in K.shape[-2:])

    def slab(P, Q, thickness, index):
        """Series and shunt admittances; `thickness` (g,) in nm, `index` (g,) the largest."""
        k0 = [2 * np.pi / d.wavelengths[w] for d, w in pairs]
        fastest = np.maximum(np.multiply(k0, np.abs(index)), [2 * np.pi * order / d.period for d, _ in pairs])
        n = rcwa.n_doublings((fastest * thickness).max())
        return rcwa.slab(P, Q, column(np.multiply(k0, thickness).tolist(), real), n)

    def layer(thickness, index):
        eps = column([n**2 for n in index]).to(dtype)
        return slab(*rcwa.operators(eps * one, eps * one_z, K, C), thickness, index)

    def half_space(index):
        return rcwa.half_space(column([n**2 for n in index]).to(dtype), K, C)

    below = [complex(d.below[w]) for d, w in pairs]
    behind = {"air": [1.0] * len(pairs), "silica": [SILICA] * len(pairs), "bulk": below}
    behind = {name: half_space(index) for name, index in behind.items()}
    straight = (waves == 0).all(dim=1).to(dtype)[:, None]
    incident = torch.block_diag(straight, straight)

    # What light meets first, as u = J - Z E, and E in front of it as a + b E.
    air = behind["air"]
    entrances = [(air, 2 * air @ incident, torch.zeros_like(incident), one)]
    S, B = layer([COATING[0]] * len(pairs), [COATING[1]] * len(pairs))
    ab = torch.linalg.solve(S + air - B, torch.cat([(2 * air @ incident), -B], -1))
    a, b = ab[..., :2], ab[..., 2:]
    entrances.append((S - B + B @ b, -B @ a, a, b))

    def mount(number, name):
        """Admittance of a backing, passage of E through its film, admittance behind it."""
        exit = behind.get(name)
        if number is None:
            return exit, one, exit
        S, B = layer([d.films[number] for d, _ in pairs], below)
        if exit is None:
            return S - B, None, None
        passage = torch.linalg.solve(B - S - exit, B)
        return S + (S + exit) @ passage, passage, exit

    mounts = [mount(*backing) for backing in BACKINGS]

    solid, filling = (
        column([complex(d.solid[w]) ** 2 for d, w in pairs]),
        column([d.filling**2 for d, _ in pairs]),
    )
    share = torch.stack([images if d.white else 1 - images for d, _ in pairs])
    eps = filling + (solid - filling) * share
    eps_t, eps_z = _tangential(eps, waves, order).to(dtype), _direct(eps, waves, order).to(dtype)
    P, Q = rcwa.operators(eps_t, eps_z, K, C)
    thinnest = [d.thickest / 2 ** (N_THICKNESSES - 1) for d, _ in pairs]
    S, B = slab(P, Q, thinnest, [max(abs(d.solid[w]), d.filling) for d, w in pairs])
    del eps, eps_t, eps_z, P, Q

    shape = (len(pairs), len(images), N_THICKNESSES, len(BACKINGS), 2, 2, 3)
    shares = torch.full(shape, torch.nan, dtype=torch.float64, device=device)
    for t in reversed(range(N_THICKNESSES)):
        for m, (Y_below, film, exit) in enumerate(mounts):
            if wanted is not None and (t, m) not in wanted:
                continue
            if Y_below is None:
                Y = S - B
            else:
                passage = torch.linalg.solve(B - S - Y_below, B)
                Y = S + (S + Y_below) @ passage
            for c, (Z, J, a, b) in enumerate(entrances):
                E = torch.linalg.solve(Y + Z, J.expand(*Y.shape[:-1], 2))
                cell = shares[:, :, t, m, c]
                cell[..., 0] = _power(a + b @ E - incident, air)
                cell[..., 1:] = 0
                if Y_below is not None:
                    E = passage @ E
                    cell[..., 2] = _power(E, Y_below)
                    if exit is not None:
                        cell[..., 1] = _power(film @ E, exit)
        if t > 0:  # joins two and two, as `rcwa.slab` does
            joint = torch.linalg.solve(B - S, B)
            S, B = S + S @ joint, B @ joint / 2
    return shares.cpu().numpy().reshape(len(designs), len(wavelengths), *shape[1:])


def _power(E, Y):
    """Power that each column of `E` carries into `Y`."""
    return (E.conj() * (Y @ E)).sum(-2).imag.double()


def _wavelengths(light):
    """Numbers of the wavelengths of an entry of LIGHT."""
    return [light] if light < 5 else list(range(3 if light == 5 else 5))


def candidates(shares):
    """All set-ups of a design, (7, n, 4, 7, 2, 3, 5), from its shares at all wavelengths: axis 1 the images."""
    R, T, D = np.moveaxis(shares, -1, 0)
    y = np.stack([1 - R - T, D - T, 1 - R, R, T], axis=-1)
    y = np.concatenate([y, y.mean(axis=-2, keepdims=True)], axis=-2)
    return np.concatenate([y, y[:3].mean(axis=0, keepdims=True), y.mean(axis=0, keepdims=True)])


def scores(y_sim, y):
    """The three measures along the first axis, correlations of a constant being -1."""

    def correlation(a, b):
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        norm = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
        return np.where(norm > 1e-9, (a * b).sum(axis=0) / np.maximum(norm, 1e-9), -1.0)

    y = y.reshape(-1, *[1] * (y_sim.ndim - 1))
    return {
        "rmse": np.sqrt(np.mean((y_sim - y) ** 2, axis=0)),
        "spearman": correlation(rankdata(y_sim.round(6), axis=0), rankdata(y, axis=0)),
        "pearson": correlation(y_sim, y),
    }


class Search:
    """The three stages; `lines` are those of the file, old and new."""

    def __init__(self, args, device):
        data = np.load(args.data)
        self.images = torch.tensor(data["x"], dtype=torch.float64, device=device)
        self.y, self.args, self.started = data["y"], args, time.monotonic()
        halves = np.array_split(np.random.RandomState(0).permutation(len(self.y)), 2)
        self.rows = {"low": halves[0][: args.images], "fit": halves[0], "held out": halves[1]}
        self.bytes = args.memory * 2**30
        self.lines = [json.loads(line) for line in args.out.open()] if args.out.exists() else []

    def left(self, share):
        return share * self.args.seconds - (time.monotonic() - self.started)

    def write(self, **line):
        self.lines.append(line)
        with self.args.out.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def n_pairs(self, order):
        """Images times wavelengths that fit into memory."""
        return max(1, int(self.bytes / (16 * MATRICES * (2 * len(_waves(order))) ** 2)))

    def low(self):
        """First stage; a line for each design, with its best set-up by each measure."""
        args, rows = self.args, self.rows["low"]
        same = {
            "stage": 1,
            "order": args.order,
            "n_images": len(rows),
            "seed": args.seed,
            "dtype": args.dtype,
        }
        done = {line["design"] for line in self.lines if same.items() <= line.items()}
        todo = (i for i in range(args.designs) if i not in done)
        at_once = max(1, self.n_pairs(args.order) // (5 * len(rows)))
        while self.left(0.5) > 0 and (some := list(islice(todo, at_once))):
            designs = [draw(i, args.seed) for i in some]
            shares = respond(designs, range(5), self.images[rows], args.order, getattr(torch, args.dtype))
            for i, s in zip(some, shares, strict=True):
                best = {}
                for measure, values in scores(np.moveaxis(candidates(s), 1, 0), self.y[rows]).items():
                    losses = np.where(np.isfinite(values), SIGN[measure] * values, np.inf)
                    pick = np.unravel_index(losses.argmin(), values.shape)
                    best[measure] = {"pick": [int(j) for j in pick], "value": float(values[pick])}
                self.write(**same, design=i, best=best)
        found = [line for line in self.lines if same.items() <= line.items()]
        print(
            f"stage 1: {len(found)} designs at order {args.order}, {len(rows)} images; {-self.left(0):.0f} s"
        )
        return found

    def judge(self, design, pick, order, half):
        """Measures of a set-up on half of the images; from the file where it is there."""
        asked = {
            "stage": 2,
            "design": design,
            "pick": pick,
            "order": order,
            "half": half,
            "seed": self.args.seed,
        }
        for line in self.lines:
            if asked.items() <= line.items():
                return line
        light, t, m, c, p, q = pick
        at, rows, y_sim = _wavelengths(light), self.rows[half], []
        for part in np.array_split(rows, -(-len(rows) * len(at) // self.n_pairs(order))):
            s = respond(
                [draw(design, self.args.seed)], at, self.images[part], order, torch.complex128, {(t, m)}
            )[0]
            y = candidates(np.resize(s, (5, *s.shape[1:])))  # a mean of the first three has the first three
            y_sim.append(y[light if len(at) > 1 else 0, :, t, m, c, p, q])
        y_sim = np.concatenate(y_sim)
        measures = {name: float(value) for name, value in scores(y_sim, self.y[rows]).items()}
        self.write(**asked, **measures, mean=float(y_sim.mean()), sd=float(y_sim.std()))
        return self.lines[-1]

    def high(self, found):
        """Second stage; for each measure the lines of its survivors, the best first."""
        ranked = {
            m: sorted(found, key=lambda line: SIGN[m] * line["best"][m]["value"])[: self.args.survivors]
            for m in MEASURES
        }
        judged = {m: [] for m in MEASURES}
        for lines in zip(*ranked.values(), strict=True):
            for m, line in zip(MEASURES, lines, strict=True):
                if self.left(0.8) > 0:
                    judged[m].append(
                        self.judge(line["design"], line["best"][m]["pick"], self.args.high, "fit")
                    )
        n = sum(map(len, judged.values()))
        print(
            f"stage 2: {n} set-ups at order {self.args.high}, {len(self.rows['fit'])} images; {-self.left(0):.0f} s"
        )
        return {m: sorted(lines, key=lambda line: SIGN[m] * line[m]) for m, lines in judged.items()}

    def held_out(self, judged):
        """Third stage: a table of the best ten by each measure, on the other half."""
        table = {m: [] for m in MEASURES}
        for rank in range(10):
            for m, lines in judged.items():
                if rank < len(lines) and self.left(1) > 0:
                    ask = lines[rank]["design"], lines[rank]["pick"]
                    others = [self.judge(*ask, n, "held out") for n in (self.args.order, self.args.high)]
                    table[m].append((lines[rank], *others))
        widths = (10, *3 * (8, 9, 8))
        print(
            f"order {self.args.high}, the half that selects; order {self.args.order}, held out; order",
            end=" ",
        )
        print(f"{self.args.high}, held out, of which also mean and standard deviation")
        print_row("best by", *3 * MEASURES, widths=widths)
        for m, rows in table.items():
            for row in rows:
                print_row(m, *(line[name] for line in row for name in MEASURES), widths=widths)
                design, mean, sd = row[2]["design"], row[2]["mean"], row[2]["sd"]
                text = draw(design, self.args.seed).describe(row[2]["pick"])
                print(f"    {design}: {text}; {mean:.3f} +- {sd:.3f}")

    def bars(self):
        """Three regressions, fitted on one half and judged on the other."""
        x = self.images.cpu().numpy()
        perimeter = sum((x != np.roll(x, 1, axis)).sum(axis=(1, 2)) for axis in (1, 2))
        features = np.stack([perimeter, x.mean(axis=(1, 2))], axis=1)
        fit, test = self.rows["fit"], self.rows["held out"]
        print("regressions fitted on the half that selects, held out")
        print_row("on", *MEASURES, widths=(14, 9, 9, 9))
        for name, columns in {"perimeter": [0], "white": [1], "both": [0, 1]}.items():
            ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-4, 3, 15)))
            ridge.fit(features[fit][:, columns], self.y[fit])
            measures = scores(ridge.predict(features[test][:, columns]), self.y[test])
            print_row(name, *(float(measures[m]) for m in MEASURES), widths=(14, 9, 9, 9))


def thin_film(design, w, t, backing, coated, index):
    """Absorbed, reflected, transmitted by the stack without a pattern, by Fresnel's recursion; `index` in its place."""
    number, name = BACKINGS[backing]
    films = [(COATING[1], COATING[0])] * coated + [(index, design.thickest / 2**t)]
    films += [] if number is None else [(design.below[w], design.films[number])]
    M, k0 = np.eye(2), 2 * np.pi / design.wavelengths[w]
    for n, d in films:  # (E, Z0 H) from one face to the other
        phase = k0 * n * d
        M = M @ np.array([[np.cos(phase), -1j * np.sin(phase) / n], [-1j * n * np.sin(phase), np.cos(phase)]])
    if name == "mirror":
        E, H = M @ [0, 1]
        R = abs((E - H) / (E + H)) ** 2
        return 1 - R, R, 0.0
    n = {"air": 1.0, "silica": SILICA, "bulk": design.below[w]}[name]
    E, H = M @ [1, n]
    R, T = abs((E - H) / (E + H)) ** 2, abs(2 / (E + H)) ** 2 * np.real(n)
    return 1 - R - T, R, T


def check(device):
    """Against closed forms, against MicrostructureAbsorber, and single against double precision."""
    generator = torch.Generator().manual_seed(0)
    images = (torch.rand(3, 8, 8, generator=generator) < 0.35).double()
    images = images.repeat_interleave(8, 1).repeat_interleave(8, 2).to(device)
    flat = torch.stack([torch.zeros_like(images[0]), torch.ones_like(images[0])])

    worst = 0.0
    for i in range(6):
        design = draw(i, 0)
        with patch.object(rcwa, "_THIN", 0.35):  # the series leaves out 1e-8 of the fastest wave, here 1e-12
            y = candidates(respond([design], range(5), flat, 2, torch.complex128)[0])
        for light, image, t, m, c in np.ndindex(5, 2, N_THICKNESSES, len(BACKINGS), 2):
            index = design.solid[light] if image == design.white else design.filling
            A, R, T = thin_film(design, light, t, m, c, index)
            simulated = y[light, image, t, m, c, 2]
            worst = max(worst, *np.abs(simulated - [A, simulated[1], 1 - R, R, T]))
    print(f"no pattern, all stacks of 6 designs, against Fresnel's formulae: {worst:.1e}")
    assert worst < 1e-8

    five = np.ones(5)
    ours = Design(
        640.0, "ours", True, 1.0, 300.0, (100.0, 200.0), 650 * five, (2 + 0.2j) * five, 2.0 * five + 0j
    )
    y = candidates(respond([ours], range(5), images, 3, torch.complex128)[0])[0, :, 0, 0, 0, 2, 0]
    film = MicrostructureAbsorber(
        order=3, wavelength=650.0, period=640.0, thickness=300.0, device=str(device)
    )
    off = np.abs(y - film(images.reshape(3, -1).cpu().numpy())[:, 0]).max()
    print(f"MicrostructureAbsorber, 3 patterns at order 3: {off:.1e}")
    assert off < 1e-9

    clear = draw(0, 0)
    clear.solid, clear.below = clear.solid.real + 0j, clear.below.real + 0j
    y = candidates(respond([clear], range(5), images, 3, torch.complex128)[0])
    print(f"absorbed without loss, all stacks: {np.abs(y[..., 0]).max():.1e}")
    assert np.abs(y[..., 0]).max() < 1e-8

    designs = [draw(i, 0) for i in range(10, 18)]
    double, single = (
        np.stack([candidates(s) for s in respond(designs, range(5), images, 3, dtype)])
        for dtype in (torch.complex128, torch.complex64)
    )
    off = np.abs(single - double)
    most = np.quantile(off, 0.999)
    print(f"complex64 against complex128, 8 designs at order 3: {off.max():.1e}, 99.9 % within {most:.1e}")
    print(f"largest share above one or below none: {max(double.max() - 1, -double.min()):.1e}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="ganmdn_dataset_z4.npz")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--device", default="auto", help='"auto" is a CUDA GPU when there is one')
    parser.add_argument("--seconds", type=float, default=200.0)
    parser.add_argument("--out", type=Path, default=Path("published_optics.jsonl"))
    parser.add_argument("--order", type=int, default=5, help="low order, of the first stage")
    parser.add_argument("--high", type=int, default=8, help="high order, of the others")
    parser.add_argument(
        "--dtype", choices=["complex64", "complex128"], default="complex64", help="first stage"
    )
    parser.add_argument("--designs", type=int, default=100_000, help="most designs to draw")
    parser.add_argument("--images", type=int, default=25, help="images of the first stage, of 50")
    parser.add_argument("--survivors", type=int, default=20, help="by each measure")
    parser.add_argument("--memory", type=float, default=None, help="GiB to fill; 24 on a GPU, 0.5 else")
    parser.add_argument("--seed", type=int, default=0, help="of the designs")
    args = parser.parse_args()
    device = torch.device(
        ("cuda" if torch.cuda.is_available() else "cpu") if args.device == "auto" else args.device
    )
    args.memory = args.memory or (24.0 if device.type == "cuda" else 0.5)
    print_header(
        f"Published optics on {torch.cuda.get_device_name() if device.type == 'cuda' else 'the CPU'}"
    )
    if args.check:
        return check(device)
    if args.data is None:
        raise SystemExit("the search needs --data, the file ganmdn_dataset_z4.npz")
    search = Search(args, device)
    search.bars()
    search.held_out(search.high(search.low()))
    print(f"{-search.left(0):.0f} s")


if __name__ == "__main__":
    with torch.inference_mode():
        main()

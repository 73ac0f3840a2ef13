"""Images as designs: GAN-MDN, PCA-MDN, direct MDN, Bayesian optimisation and search in latent space.

    python benchmarks/microstructures.py prepare [--pixels 64] [--out microstructures_64] [--device cuda]
    python benchmarks/microstructures.py compare [--pixels 64] [--out microstructures_64]

`prepare` trains a GAN on images of the simulator's prior, judges it by images held out, and writes the encoder and two
tables, of images that the GAN makes of uniform latents and of images of the prior, each with its absorptance.
`compare` fits every method to the table that it is for, asks for 30 designs for each of five targets across the
range that both tables share but for 2 % of their rows on either side, and for a target half a step outside on either
side, simulates the designs and keeps them.

Residual error percentage, 100 |y - y*| / y* as published, over the 30 designs: least, mean, standard deviation,
median and 90th percentile; "new" is the median share of pixels in which a design differs from the nearest row of its
table, "apart" the same of two of the 30 images, and "distinct" how many of these are different ones. "uninformed" are
random images of the GAN, which no model has chosen. "GAN-search" starts from latents drawn at random, "GAN-search,
near" from those of the rows with the nearest responses, as is the default. Milliseconds are wall time for 30 designs.
"""

import argparse
import time
from pathlib import Path

import joblib
import numpy as np
from _common import print_header, print_row
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

import skinverse
from skinverse import (
    BayesOptInverter,
    GANDesignEncoder,
    MDNInverter,
    NearestDesignInverter,
    NeuralAdjoint,
    PriorInverter,
    TransformedDesignInverter,
)
from skinverse.binarizer import ImageBinarizer
from skinverse.image_surrogate import DecodedRegressor, ImageRegressor
from skinverse.metrics.images import image_quality
from skinverse.simulators import MicrostructureAbsorber

N_DESIGNS = 30
WIDTHS = (26, 8, 8, 8, 8, 8, 8, 8, 9, 8, 9)


class Remembering(FrozenEstimator):
    """A frozen encoder that knows the latents of one table, and need not find them again for every method."""

    table = {}

    def transform(self, X):
        known = self.table.get(joblib.hash(X))
        return self.estimator.transform(X) if known is None else known


def simulator(args):
    return MicrostructureAbsorber(args.pixels, order=args.order, device=args.device)


def seconds(call):
    start = time.perf_counter()
    answer = call()
    return answer, time.perf_counter() - start


def prepare(args):
    film = simulator(args)
    args.out.mkdir(parents=True, exist_ok=True)
    images = film.sample_prior(args.images, random_state=args.seed)
    others = film.sample_prior(1000, random_state=args.seed + 1)
    encoder = GANDesignEncoder(
        args.pixels // 32,
        n_filters=args.filters,
        collapse_weight=args.collapse,
        style_weight=args.style,
        max_epochs=args.epochs,
        lr=args.lr,
        device=args.device,
        random_state=args.seed,
    )
    if args.weights:
        encoder = GANDesignEncoder.from_generator(args.weights, args.pixels // 32, device=args.device)
        print(f"GAN: {args.weights}")
    else:
        _, took = seconds(lambda: encoder.fit(images))
        print(f"GAN: {args.images} images, {args.epochs} epochs, {took:.0f} s")
    np.savez_compressed(args.out / "generator.npz", **encoder.generator_.to_arrays())
    Z = np.random.RandomState(args.seed).uniform(-1, 1, size=(args.rows, encoder.latent_size**2))
    made = encoder.inverse_transform(Z)
    for name, sample in (("of the GAN", made[:1000]), ("of the prior", images[:1000])):
        quality, share = image_quality(sample, others), sample.mean(axis=1)
        print(
            f"1,000 images {name}: two-point distance {quality.two_point_distance:.4f}, share of ones "
            f"{share.mean():.3f} +- {share.std():.3f}, distance of its law {quality.fraction_distance:.4f}, "
            f"novelty {np.median(quality.novelty):.3f}"
        )
    n_encoded = 200 if args.known_latents else len(made)
    encoded, took = seconds(lambda: encoder.transform(made[:n_encoded]))
    redrawn = encoder.inverse_transform(encoded[:500])
    wrong = (redrawn != made[: len(redrawn)]).mean()
    print(
        f"round trip of {n_encoded}: {100 * wrong:.2f} % of pixels, {1e3 * took / n_encoded:.1f} ms an image"
    )
    encoded = Z if args.known_latents else encoded
    prior = film.sample_prior(args.rows, random_state=args.seed + 2)
    (y_made, y_prior), took = seconds(lambda: (film(made)[:, 0], film(prior)[:, 0]))
    print(f"{2 * args.rows} simulations, {took:.0f} s, {1e3 * took / 2 / args.rows:.2f} ms each")
    for name, y in (("of the GAN", y_made), ("of the prior", y_prior)):
        print(f"absorptance {name}: {y.min():.3f} to {y.max():.3f}, mean {y.mean():.3f} +- {y.std():.3f}")
    np.savez_compressed(
        args.out / "tables.npz",
        encoded=encoded,
        made=np.packbits(made.astype(bool), axis=1),
        y_made=y_made,
        prior=np.packbits(prior.astype(bool), axis=1),
        y_prior=y_prior,
    )


def methods(args, encoder, film):
    """Name: (inverter, table)."""
    frozen, seed = Remembering(encoder), args.seed
    pixels, latents = [[0, 1]] * args.pixels**2, [[-1, 1]] * encoder.latent_size**2
    binary = skinverse.DesignSpace(pixels, integer=True)

    def latent(inverter):
        return TransformedDesignInverter(inverter, frozen, space=pixels, random_state=seed)

    def simulate(Z):
        return film(encoder.inverse_transform(Z))

    search = BayesOptInverter(simulate, n_iter=100, tol=0, start="sampler", space=latents)
    published = dict(
        n_components=40, covariance_type="diag", hidden_layer_sizes=(16,) * 4, dense=True, space=latents
    )
    images = ImageRegressor(symmetric=True, max_epochs=args.image_epochs, device=args.device)
    return {
        "GAN-MDN": (latent(MDNInverter(space=latents)), "made"),
        "GAN-MDN, network as published": (latent(MDNInverter(**published)), "made"),
        "GAN-search": (latent(NeuralAdjoint(start="sampler", space=latents)), "made"),
        "GAN-search, near": (latent(NeuralAdjoint(space=latents)), "made"),
        "GAN-search by images": (
            latent(NeuralAdjoint(DecodedRegressor(images, frozen), start="sampler", space=latents)),
            "made",
        ),
        "GAN-BO": (latent(search), "made"),
        "PCA-MDN": (
            TransformedDesignInverter(
                MDNInverter(),
                make_pipeline(ImageBinarizer("share"), PCA(encoder.latent_size**2)),
                space=binary,
                random_state=seed,
            ),
            "prior",
        ),
        "direct MDN": (
            TransformedDesignInverter(
                MDNInverter(5, covariance_type="diag", max_epochs=args.pixel_epochs),
                ImageBinarizer("share"),
                space=binary,
                random_state=seed,
            ),
            "prior",
        ),
        "nearest row": (NearestDesignInverter(space=binary), "made"),
        "uninformed": (latent(PriorInverter(space=latents)), "made"),
    }


def compare(args):
    film = simulator(args)
    encoder = GANDesignEncoder.from_generator(
        args.out / "generator.npz", args.pixels // 32, device=args.device
    )
    tables = np.load(args.out / "tables.npz")
    data = {
        name: (np.unpackbits(tables[name], axis=1).astype(float), tables[f"y_{name}"])
        for name in ("made", "prior")
    }
    Remembering.table[joblib.hash(data["made"][0])] = tables["encoded"]
    low = max(np.quantile(y, 0.02) for _, y in data.values())
    high = min(np.quantile(y, 0.98) for _, y in data.values())
    step = (high - low) / 4
    y_star = np.array([low - step / 2, *np.linspace(low, high, 5), high + step / 2])
    kept = {}
    for name, (inverter, table) in methods(args, encoder, film).items():
        if args.only and name not in args.only:
            continue
        X, y = data[table]
        _, took = seconds(lambda inverter=inverter, X=X, y=y: inverter.fit(X, y))
        print(f"\n{name}: fitted to {len(X)} images in {took:.0f} s")
        print_row(
            "y*",
            "least",
            "mean",
            "sd",
            "median",
            "q90",
            "new",
            "apart",
            "distinct",
            "ms",
            "in range",
            widths=WIDTHS,
        )
        for target in y_star:
            designs, took = seconds(
                lambda inverter=inverter, target=target: inverter.inverse(
                    target, N_DESIGNS, random_state=args.seed + 100
                )[0]
            )
            answers = film(designs)[:, 0]
            rep = 100 * np.abs(answers - target) / target
            new = np.median(image_quality(designs, X).novelty)
            numbers = (
                rep.min(),
                rep.mean(),
                rep.std(),
                np.median(rep),
                np.quantile(rep, 0.9),
                new,
                np.median(pdist(designs, "hamming")),
                len(np.unique(designs, axis=0)),
                1e3 * took,
            )
            inside = "" if low <= target <= high else "outside"
            print_row(f"{target:.3f}", *map(float, numbers), inside, widths=WIDTHS)
            kept[f"{name}|{target:.4f}"] = np.packbits(designs.astype(bool), axis=1), answers
    arrays = {f"{k}|{part}": v for k, pair in kept.items() for part, v in zip(("X", "y"), pair, strict=True)}
    np.savez_compressed(args.out / f"designs{args.tag}.npz", **arrays)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["prepare", "compare"])
    parser.add_argument("--pixels", type=int, choices=[64, 96], default=64)
    parser.add_argument("--order", type=int, default=6)
    parser.add_argument("--images", type=int, default=5000, help="that the GAN learns from")
    parser.add_argument("--rows", type=int, default=10_000, help="of each table")
    parser.add_argument("--epochs", type=int, default=100, help="of the GAN")
    parser.add_argument("--image-epochs", type=int, default=20, help="of the convolutional surrogate")
    parser.add_argument("--pixel-epochs", type=int, default=20, help="of the direct MDN")
    parser.add_argument("--collapse", type=float, default=1.0, help="weight in the loss of the GAN")
    parser.add_argument("--style", type=float, default=1.0, help="weight in the loss of the GAN")
    parser.add_argument("--lr", type=float, default=1e-3, help="of the GAN")
    parser.add_argument("--weights", type=Path, help="of a generator, .npz, which is not trained then")
    parser.add_argument(
        "--known-latents",
        action="store_true",
        help="take the latents that images were made of, rather than find them again, which is slow without a GPU",
    )
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", nargs="+", help="methods")
    parser.add_argument("--tag", default="", help="goes into the name of the file of designs")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    args.out = args.out or Path(f"microstructures_{args.pixels}")
    print_header(f"Microstructures of {args.pixels} x {args.pixels} pixels: {args.step}")
    {"prepare": prepare, "compare": compare}[args.step](args)


if __name__ == "__main__":
    main()

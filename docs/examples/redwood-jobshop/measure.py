"""Three families of solvers on job-shop instances that none has seen: `python measure.py --hours 0.04`.

A policy is trained first (in the folder of --out, where a training goes on if there is one). The table gives the mean
per cent above the best schedule that anybody found, and the seconds an instance.
"""

import argparse
import time

import redwood


def solvers(weights, seconds):
    """Return a name and the arguments of `solve` for each row of the table."""
    policy = {"weights": str(weights), "search": "none", "time_limit": seconds}
    return {
        "greedy rule, then descent": {"solver": "greedy"},
        "bq, greedy": {"solver": "bq", **policy},
        "bq, beam of 16": {"solver": "bq", "decoding": "beam", **policy},
        "local-search": {"solver": "local-search", "time_limit": seconds},
        "highs": {"solver": "highs", "time_limit": 3 * seconds},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=0.04)
    parser.add_argument("--out", default="runs/jobshop")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--size", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    weights = redwood.train("bq", "jobshop", args.out, hours=args.hours, preset="tiny", test_instances=8, test_steps=300)
    instances = [redwood.generate("jobshop", size=args.size, seed=1000 + i) for i in range(args.count)]
    found, taken = {}, {}
    for name, settings in solvers(weights, args.seconds).items():
        began = time.perf_counter()
        found[name] = [redwood.solve(instance, bound_time_limit=0, **settings).objective for instance in instances]
        taken[name] = (time.perf_counter() - began) / args.count
    best = [min(column) for column in zip(*found.values(), strict=True)]
    for name, values in found.items():
        gaps = [100 * (value / low - 1) for value, low in zip(values, best, strict=True)]
        print(f"{name:<28}{sum(gaps) / len(gaps):7.2f} %{taken[name]:9.2f} s")


if __name__ == "__main__":
    main()

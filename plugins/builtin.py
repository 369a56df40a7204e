"""Redwood's own problems and solvers, registered through the same hooks as anybody's."""

from __future__ import annotations

from collections.abc import Iterable

from redwood.plugins.spec import (
    Choice,
    Determinism,
    ExecutorSpec,
    Format,
    ProblemSpec,
    Requirement,
    SolverSpec,
    hookimpl,
)

NUMBER = r"[-+]?([\d.]+(e[-+]?\d+)?|nan|inf)"
"""Pattern of a number in a data file, also of one that an instance must not hold."""


@hookimpl
def redwood_problems() -> Iterable[ProblemSpec]:
    """Return the built-in problems."""
    return PROBLEMS


@hookimpl
def redwood_solvers() -> Iterable[SolverSpec]:
    """Return the built-in solvers."""
    return SOLVERS


@hookimpl
def redwood_executors() -> Iterable[ExecutorSpec]:
    """Return the built-in executors."""
    return EXECUTORS


PROBLEMS = (
    ProblemSpec(
        name="tsp",
        summary="Symmetric travelling salesman problem: the shortest closed tour through all nodes.",
        target="redwood.problems.tsp.problem:TSP",
        views=frozenset({"Linear", "Local", "Bound", "Stepwise"}),
        formats=(Format((".tsp",), r"^\s*TYPE\s*:\s*TSP\b"),),
    ),
    ProblemSpec(
        name="cvrp",
        summary="Capacitated vehicle routing: the shortest routes from one depot that serve every customer.",
        target="redwood.problems.cvrp.problem:CVRP",
        views=frozenset({"Linear", "Local", "Bound", "Stepwise"}),
        formats=(Format((".vrp",), r"^\s*TYPE\s*:\s*CVRP\b"),),
    ),
    ProblemSpec(
        name="vrp",
        summary="Rich vehicle routing: windows, fleets, depots, open routes, pickups, shipments, prizes and limits.",
        target="redwood.problems.vrp.problem:VRP",
        views=frozenset({"Linear", "Bound"}),
        formats=(
            Format((".vrp",), r"^\s*TYPE\s*:\s*(?!CVRP\b)\w*(VRP|PDP)\w*"),
            Format((".txt",), r"\A\s*\S[^\n]*\n\s*VEHICLE\s*\n\s*NUMBER\s+CAPACITY"),
            Format((".txt",), r"\A\s*\d+[ \t]+[\d.]+[ \t]+[\d.]+[ \t]*\r?\n[ \t]*(-?[\d.]+[ \t]+){8}-?[\d.]+[ \t]*\r?$"),
            Format((".txt",), r"\A\s*\d+[ \t]+\d+[ \t]+\d+[ \t]+\d+[ \t]*\r?\n[ \t]*[\d.]+[ \t]+[\d.]+[ \t]*\r?$"),
            Format((".json",), r'"problem"\s*:\s*"vrp"'),
        ),
    ),
    ProblemSpec(
        name="knapsack",
        summary="0-1 knapsack: the most valuable items that fit into one capacity.",
        target="redwood.problems.knapsack.problem:Knapsack",
        views=frozenset({"Linear", "Local", "Bound", "Stepwise"}),
        formats=(Format((".kp", ".knapsack"), rf"\A\s*\d+\s+{NUMBER}(\s*\Z|\s+{NUMBER}[ \t]+{NUMBER}[ \t\r]*$)"),),
    ),
    ProblemSpec(
        name="atsp",
        summary="Asymmetric travelling salesman problem: the shortest closed tour where directions differ.",
        target="redwood.problems.atsp.problem:ATSP",
        views=frozenset({"Linear", "Local", "Bound", "Stepwise"}),
        formats=(Format((".atsp", ".sop"), r"^\s*TYPE\s*:\s*(ATSP|SOP)\b"),),
    ),
    ProblemSpec(
        name="orienteering",
        summary="Orienteering: the highest sum of prizes on a path of bounded length.",
        target="redwood.problems.orienteering.problem:Orienteering",
        views=frozenset({"Linear", "Local", "Bound", "Stepwise"}),
        formats=(
            Format((".oplib", ".op"), r"^\s*TYPE\s*:\s*OP\b"),
            Format((".txt", ".op"), r"\A\s*[\d.eE+]+[ \t]+1[ \t]*\r?\n\s*\S+[ \t]+\S+[ \t]+[\d.]+[ \t]*\r?$"),
        ),
    ),
    ProblemSpec(
        name="cormab",
        summary="Coupled restless bandits: many Markov chains, moved by one action of a combinatorial set a step.",
        target="redwood.problems.cormab.problem:CoRMAB",
        views=frozenset({"Planning", "Bound"}),
        formats=(Format((".json",), r'"problem"\s*:\s*"cormab"'),),
    ),
)

SOLVERS = (
    SolverSpec(
        name="local-search",
        summary="Lin-Kernighan moves with local perturbation, annealed, for the TSP.",
        target="redwood.solvers.local_search.tsp:TSPLocalSearch",
        problems=("tsp",),
        choices=(Choice(score=60, min_size=4),),
    ),
    SolverSpec(
        name="local-search",
        summary="Or-3opt without reversal for the ATSP, with double bridges under simulated annealing.",
        target="redwood.solvers.local_search.atsp:ATSPLocalSearch",
        problems=("atsp",),
        choices=(Choice(score=60),),
    ),
    SolverSpec(
        name="local-search",
        summary="Ruin and recreate with 2-opt and Or-opt for orienteering, under simulated annealing.",
        target="redwood.solvers.local_search.orienteering:OrienteeringLocalSearch",
        problems=("orienteering",),
        choices=(Choice(score=60),),
    ),
    SolverSpec(
        name="local-search",
        summary="Ruin and recreate by string removals (SISR) for the CVRP, annealed, then moves up to SWAP*.",
        target="redwood.solvers.local_search.cvrp:CVRPLocalSearch",
        problems=("cvrp",),
        choices=(Choice(score=60),),
    ),
    SolverSpec(
        name="local-search",
        summary="Ruin and recreate by string removals (SISR) for rich vehicle routing, annealed; vehicles saved first.",
        target="redwood.solvers.local_search.vrp:VRPLocalSearch",
        problems=("vrp",),
        choices=(Choice(score=60),),
    ),
    SolverSpec(
        name="local-search",
        summary="Iterated local search for any problem with moves: perturb, descend, accept late.",
        target="redwood.solvers.local_search.generic:IteratedLocalSearch",
        views=frozenset({"Local"}),
        choices=(Choice(score=30),),
    ),
    SolverSpec(
        name="greedy",
        summary="One greedy construction, improved to a local optimum.",
        target="redwood.solvers.baselines.greedy:Greedy",
        views=frozenset({"Local"}),
    ),
    SolverSpec(
        name="random",
        summary="The best of as many random feasible solutions as the budget allows.",
        target="redwood.solvers.baselines.random:Random",
        views=frozenset({"Local"}),
    ),
    SolverSpec(
        name="bq",
        summary="BQ-NCO: an attention policy constructs solutions step by step, and parts of them anew.",
        target="redwood.solvers.bq.policy:BQ",
        trainer="redwood.solvers.bq.training_run:BQTrainer",
        views=frozenset({"Stepwise"}),
        preload=("torch",),
    ),
    SolverSpec(
        name="highs",
        summary="Mixed-integer programming on HiGHS, cuts in rounds until proven.",
        target="redwood.solvers.mip.highs:HiGHS",
        views=frozenset({"Linear"}),
        choices=(Choice(score=20),),
    ),
    SolverSpec(
        name="portfolio",
        summary="Several solvers at once, in processes: the best solution and bound of any, ended together.",
        target="redwood.solving.portfolio:Portfolio",
        views=frozenset({"Linear"}),
        determinism=Determinism.NONE,
    ),
    SolverSpec(
        name="exact",
        summary="Exact dynamic programming for the 0-1 knapsack.",
        target="redwood.solvers.exact.knapsack:KnapsackExact",
        problems=("knapsack",),
        determinism=Determinism.DETERMINISTIC,
        choices=(Choice(score=80),),
    ),
    SolverSpec(
        name="exact",
        summary="Held-Karp dynamic programming for tiny TSPs.",
        target="redwood.solvers.exact.tsp:HeldKarp",
        problems=("tsp",),
        determinism=Determinism.DETERMINISTIC,
        choices=(Choice(score=80, max_size=12),),
    ),
    SolverSpec(
        name="pyvrp",
        summary="PyVRP's iterated local search (MIT licence).",
        target="redwood.solvers.external.pyvrp:PyVRP",
        problems=("tsp", "cvrp", "orienteering"),
        requires=(Requirement("pyvrp", "pip install pyvrp"),),
    ),
    SolverSpec(
        name="pyvrp",
        summary="PyVRP's iterated local search (MIT licence) for rich vehicle routing.",
        target="redwood.solvers.external.pyvrp_vrp:PyVRPRich",
        problems=("vrp",),
        requires=(Requirement("pyvrp", "pip install pyvrp"),),
    ),
    SolverSpec(
        name="ortools-routing",
        summary="The routing library of OR-Tools, by guided local search (Apache-2.0 licence).",
        target="redwood.solvers.external.ortools_routing:ORToolsRouting",
        problems=("tsp", "atsp", "cvrp", "orienteering"),
        requires=(Requirement("ortools", "pip install ortools"),),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="ortools-routing",
        summary="The routing library of OR-Tools, by guided local search, for rich vehicle routing (Apache-2.0 licence).",
        target="redwood.solvers.external.ortools_vrp:ORToolsRich",
        problems=("vrp",),
        requires=(Requirement("ortools", "pip install ortools"),),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="cp-sat",
        summary="CP-SAT of OR-Tools, for small instances (Apache-2.0 licence).",
        target="redwood.solvers.external.cp_sat:CPSAT",
        problems=("tsp", "atsp", "knapsack", "orienteering"),
        requires=(Requirement("ortools", "pip install ortools"),),
    ),
    SolverSpec(
        name="fast-tsp",
        summary="fast-tsp: Or-opt in Rust (MIT licence).",
        target="redwood.solvers.external.fast_tsp:FastTSP",
        problems=("tsp",),
        requires=(Requirement("fast_tsp", "pip install fast-tsp"),),
        determinism=Determinism.NONE,
    ),
    SolverSpec(
        name="lkh",
        summary="LKH 2 through elkai (licensed for academic and non-commercial use only).",
        target="redwood.solvers.external.lkh:LKH",
        problems=("tsp", "atsp"),
        requires=(Requirement("elkai", "pip install elkai"),),
    ),
    SolverSpec(
        name="hgs",
        summary="Hybrid genetic search for the CVRP through hygese (MIT licence).",
        target="redwood.solvers.external.hgs:HGS",
        problems=("cvrp",),
        requires=(Requirement("hygese", "pip install hygese"),),
    ),
    SolverSpec(
        name="lagrangian",
        summary="Arms priced apart; in each step the joint action of the greatest total advantage.",
        target="redwood.solvers.planning.lagrangian:Lagrangian",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="lp-update",
        summary="As lagrangian, with prices found anew every few steps from the states that have been reached.",
        target="redwood.solvers.planning.lp_update:LPUpdate",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="portfolio",
        summary="The policies of the fitting planning solvers, tried in the same episodes; the best is the answer.",
        target="redwood.solvers.planning.portfolio:Portfolio",
        views=frozenset({"Planning"}),
        determinism=Determinism.NONE,
        choices=(Choice(score=60),),
    ),
    SolverSpec(
        name="constant",
        summary="The best joint action to hold in every step, exactly, without regard to the states.",
        target="redwood.solvers.planning.constant:Constant",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
        policies=("constant=redwood.solvers.planning.constant:ConstantPolicy",),
    ),
    SolverSpec(
        name="round-robin",
        summary="Arms take turns, whatever their states are: those act that have waited longest.",
        target="redwood.solvers.planning.round_robin:RoundRobin",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
        policies=("round-robin=redwood.solvers.planning.round_robin:RoundRobinPolicy",),
    ),
    SolverSpec(
        name="lp-priority",
        summary="For the average reward: arms of a focus set follow their own optimal policies, the others priorities.",
        target="redwood.solvers.planning.lp_priority:LPPriority",
        views=frozenset({"Planning"}),
        takes={"criterion": "average"},
        determinism=Determinism.DETERMINISTIC,
        policies=("lp-priority=redwood.solvers.planning.lp_priority:FocusPolicy",),
    ),
    SolverSpec(
        name="follow-virtual-advice",
        summary="For the average reward: arms imitate virtual arms that follow their own optimal policies.",
        target="redwood.solvers.planning.virtual_advice:FollowVirtualAdvice",
        views=frozenset({"Planning"}),
        takes={"criterion": "average"},
        determinism=Determinism.DETERMINISTIC,
        policies=("virtual-advice=redwood.solvers.planning.virtual_advice:AdvicePolicy",),
    ),
    SolverSpec(
        name="lookahead",
        summary="In each step the first joint action of the best plan of the next steps.",
        target="redwood.solvers.planning.lookahead:Lookahead",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="rollout",
        summary="One step of the rollout policy on a simple policy's value, improved a few times, or candidates in futures.",
        target="redwood.solvers.planning.rollout:Rollout",
        views=frozenset({"Planning"}),
        policies=("candidate-rollout=redwood.solvers.planning.candidate_rollout:CandidatePolicy",),
    ),
    SolverSpec(
        name="sequoia",
        summary="SEQUOIA: a Q-network of joint actions by fitted policy iteration, maximised by a list or a MIP.",
        target="redwood.solvers.sequoia.solver:Sequoia",
        trainer="redwood.solvers.sequoia.solver:Sequoia",
        views=frozenset({"Planning"}),
        policies=(
            "future-q-network=redwood.solvers.sequoia.future_policy:FuturePolicy",
            "coordination-q-network=redwood.solvers.sequoia.coordination_policy:CoordinationPolicy",
            "q-network=redwood.solvers.sequoia.policy:QPolicy",
        ),
        preload=("torch",),
    ),
    SolverSpec(
        name="quadratic",
        summary="Lagrangian values and a concave quadratic term for arms that will compete at the same time.",
        target="redwood.solvers.planning.quadratic:Quadratic",
        views=frozenset({"Planning"}),
        policies=("quadratic=redwood.solvers.planning.quadratic_policy:QuadraticPolicy",),
    ),
    SolverSpec(
        name="iterative-dqn",
        summary="The baseline of Xu et al.: their Q-network, but in each step one arm pulled after another.",
        target="redwood.solvers.sequoia.iterative:IterativeDQN",
        views=frozenset({"Planning"}),
        policies=("iterative-q-network=redwood.solvers.sequoia.climbing:ClimbingPolicy",),
        preload=("torch",),
    ),
    SolverSpec(
        name="whittle",
        summary="Arms of the highest price at which pulling and resting are worth the same; joint rewards are shared out.",
        target="redwood.solvers.planning.whittle:Whittle",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="exact",
        summary="Backward induction over joint states, for a handful of arms.",
        target="redwood.solvers.planning.exact:ExactPlanning",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
        policies=("table=redwood.solvers.planning.exact:TablePolicy",),
    ),
    SolverSpec(
        name="myopic",
        summary="In each step the joint action of the greatest expected reward of that step, exactly.",
        target="redwood.solvers.planning.simple:Myopic",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="greedy",
        summary="As myopic, but one arm pulled after another.",
        target="redwood.solvers.planning.simple:Greedy",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="sampling",
        summary="In each step the best of random actions by the expected reward of that step.",
        target="redwood.solvers.planning.simple:Sampling",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="random",
        summary="A random joint action in each step.",
        target="redwood.solvers.planning.simple:Random",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
    SolverSpec(
        name="null",
        summary="No arm is ever pulled, where that is allowed.",
        target="redwood.solvers.planning.simple:Null",
        views=frozenset({"Planning"}),
        determinism=Determinism.DETERMINISTIC,
    ),
)

EXECUTORS = (
    ExecutorSpec(
        name="local",
        summary="Processes on this machine, --jobs at a time.",
        target="redwood.execution.executors.local:Local",
    ),
    ExecutorSpec(
        name="dask",
        summary="A Dask cluster, by the address of its scheduler.",
        target="redwood.execution.executors.dask:Dask",
        requires=(Requirement("distributed", "pip install 'redwood[dask]'"),),
    ),
    ExecutorSpec(
        name="slurm",
        summary="Slurm, as job arrays, through submitit.",
        target="redwood.execution.executors.slurm:Slurm",
        requires=(Requirement("submitit", "pip install 'redwood[slurm]'"),),
    ),
)

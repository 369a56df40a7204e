"""What an executor is: it carries one function out on many things, on this machine or on many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Returned(Generic[ResultT]):
    """What came of one item.

    Attributes
    ----------
    position
        Which item, counted from 0.
    value
        What the function returned; ``None`` where it was lost.
    lost
        Why there is no value, such as that every machine that tried died of it; empty where there is one.
    """

    position: int
    value: ResultT | None
    lost: str = ""


class Executor(ABC):
    """Carries one function out on many things. A subclass is a frozen dataclass whose fields are its options.

    Each item gives one `Returned`, however often it had to be begun anew: nothing is lost silently, nothing comes twice.
    """

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many items are under way at a time.

        Raises
        ------
        ExecutorError
            Where those who would carry them out cannot be asked.
        """

    @abstractmethod
    def run(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        *,
        waits: bool = False,
        leave: Callable[[], None] | None = None,
    ) -> Generator[Returned[ResultT]]:
        """Yield what comes of each item, as it comes. Closing the iterator, as Ctrl-C does, gives up what has not begun.

        Parameters
        ----------
        function
            Fit to be pickled; it must not mind being begun anew after the machine under it has died.
        items
            Fit to be pickled.
        waits
            Whether the function only waits for processes of its own, so that threads will do on this machine.
        leave
            Called at the end, however it comes, in every process that carries items out and outlives the iterator: it stops
            what is under way there and clears up. It must be fit to be pickled, and may be called where nothing was begun.

        Raises
        ------
        ExecutorError
            Where nothing can be carried out.
        Exception
            What the function itself raised.
        """

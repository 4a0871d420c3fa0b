"""Keep what the steps around a create call write down, in the job itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sora_gateway.domain.job_events import Noted
from sora_gateway.domain.jobs import Job
from sora_gateway.engine.tools import NodeTools
from sora_gateway.ports.stores import Lease
from sora_gateway.ports.upstream import StepLostError


class JobNotebook:
    """The notes of one job while it is at one step on one account; implements ``Notebook``.

    ``lease`` guards it where only the owner of the lane may act. ``part`` keeps the notes of two steps of
    one kind apart. ``wrote`` hears of every write.
    """

    def __init__(
        self,
        job: Job,
        tools: NodeTools,
        *,
        lease: Lease | None = None,
        part: str = "",
        wrote: Callable[[Job], None] = lambda _: None,
    ) -> None:
        self.job = job
        self._tools = tools
        self._lease = lease
        self._part = part
        self._wrote = wrote

    @property
    def known(self) -> Mapping[str, str]:
        """Everything written so far for this part, by whomever."""
        start = len(self._part)
        return {name[start:]: value for name, value in self.job.notes.items() if name.startswith(self._part)}

    async def write(self, notes: Mapping[str, str], *, is_pinned: bool = False) -> None:
        """Add ``notes`` to the job.

        Raises:
            StepLostError: the job is not where it was when the notebook was opened.
        """
        marked = {f"{self._part}{name}": value for name, value in notes.items()}
        apply = self._tools.records.decision(Noted(notes=marked, is_pinned=is_pinned))

        def decide(current: Job) -> Job:
            return apply(current) if self._is_same(current) else current

        before, after = await self._tools.jobs.change(self.job.id, decide, lease=self._lease)
        if after is before:
            raise StepLostError
        self.job = after
        self._wrote(after)

    def _is_same(self, current: Job) -> bool:
        # Notes that are not mine were written by whoever holds the step now.
        mine = self.job
        place = (mine.account_id, mine.tries, mine.phase, mine.notes)
        return (current.account_id, current.tries, current.phase, current.notes) == place

"""One contest: who stands against whom, what is asked, and whose reply is shown first."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Literal, NamedTuple

from companion.commands.judge_replies import Pair, Question, Replies
from companion.core.judgement import Answer, Judged, Judgement
from companion.core.messages import LoadOptions
from companion.core.sampling import Sampling


class Contest(NamedTuple):
    judgement: Judgement
    a: tuple[str, ...]
    b: tuple[str, ...]
    """Files of the two, in the order that the judgement's folder knows them."""
    questions: Sequence[Question]
    """Those without a verdict yet."""
    sampling: Sampling
    options: LoadOptions
    seed: int
    fewer: str = ""
    """Why there are not so many as were asked for."""

    def replies(self) -> Replies:
        """Raises CompanionError when a model cannot be loaded."""
        return Replies(self.a, self.b, self.questions, self.sampling, self.options)

    def first(self, pair: Pair) -> Literal["a", "b"]:
        """Whose reply is shown first: drawn anew for each prompt, the same for the same seed."""
        return "a" if random.Random(f"{self.seed}/{pair.question.name}").random() < 0.5 else "b"

    def keep(self, pair: Pair, answer: Answer) -> None:
        """Put a verdict on the disk, and what is to be learned from it. Raises DatasetError."""
        self.judgement.add(
            Judged(
                prompt=pair.question.name,
                turns=pair.question.turns,
                a_reply=pair.a,
                b_reply=pair.b,
                answer=answer,
                first=self.first(pair),
                asked=pair.a != pair.b,
                time=round(time.time(), 3),
            )
        )
        self.judgement.write_dataset()

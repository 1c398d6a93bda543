"""`companion visit PICTURE.png`: opens the window, says one sentence to her, saves a picture of her answer, and leaves.

On stdout it says when it got somewhere: "painted" at the first frame, "word" at the first piece of her answer.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QTimer

from companion.core.logs import log_to_file
from companion.core.sampling import Sampling
from companion.window import build

SENTENCE = "Good evening! What can one see in the sky tonight?"
LONGEST_MS = 240_000
"""A first start checks the model and measures how it runs best; a slow computer needs a minute for that."""
SETTLED_MS = 700
"""After the answer, until faces and scrolling are at rest."""
WIDTH, HEIGHT = 1280, 800


def main(picture: str) -> int:
    """Returns the exit status: 1, with a sentence on stderr, when there was no answer or no picture."""
    log_to_file("window")
    application, program = build(lambda: _say("painted"))
    problems: list[str] = []

    def leave(problem: str = "") -> None:
        problems.extend(filter(None, [problem]))
        program.window.close()

    def look() -> None:
        leave("" if program.window.grab().save(picture) else f"The picture “{picture}” could not be written.")

    def first_word() -> None:
        program.chat.piece_received.disconnect(first_word)
        _say("word")

    program.chat.piece_received.connect(first_word)
    program.preferences.update(sampling=Sampling(max_tokens=40, seed=5), typing_rhythm=False)
    program.window.resize(WIDTH, HEIGHT)
    program.chat.reply_finished.connect(lambda _reply: QTimer.singleShot(SETTLED_MS, look))
    program.engine.load_failed.connect(lambda what, remedy: leave(f"{what} {remedy}"))
    QTimer.singleShot(LONGEST_MS, lambda: leave(f"She did not answer within {LONGEST_MS // 60_000} minutes."))
    program.conversations.new()
    QTimer.singleShot(0, lambda: program.chat.send(SENTENCE))
    status = application.exec()
    for problem in problems:
        print(problem, file=sys.stderr, flush=True)
    return status or int(bool(problems))


def _say(word: str) -> None:
    print(word, flush=True)

"""The graphics card of this computer: what lets it help, how far its download is, and how to be rid of it."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton

from companion.app.addons import Addons, AddonView
from companion.core.addons.manifest import DEVICE_NAMES, Addon
from companion.core.addons.messages import Installing
from companion.core.addons.words import DOING, licence_words, offer_words, state_words
from companion.core.amounts import bytes_text, duration_text
from companion.ui.cards import fill_card, plain_label, say
from companion.ui.keyboard import show_some

STEPS = 1000
_NOTHING = "Nothing is fetched before you press the button; then only {} is asked, and every file is verified by its checksum."


class AddonCard(QFrame):
    """Shows what it is told, and hands every press on. Without a graphics card it is not there."""

    def __init__(self, addons: Addons) -> None:
        super().__init__()
        self._addons = addons
        self.found, self.offer, self.state = plain_label(), plain_label("muted"), plain_label()
        self.small, self.progress, self.problem = plain_label("caption"), plain_label("caption"), plain_label("problem")
        self.bar = QProgressBar()
        self.main_button, self.check_button, self.remove_button = QPushButton(), QPushButton("Check again"), QPushButton()
        self._build()
        self.main_button.clicked.connect(self._press_main)
        self.check_button.clicked.connect(addons.check)
        self.remove_button.clicked.connect(addons.remove)
        addons.changed.connect(self.show_view)
        self.show_view(addons.view)

    def show_view(self, view: AddonView) -> None:
        now, offer = view.now, view.offer
        is_there = now is not None and now.state != "absent"
        self.setVisible(bool(view.cards) or is_there or bool(view.what))
        name = " and ".join(dict.fromkeys(view.cards))
        say(self.found, f"{name} was found." if name and (offer is not None or is_there) else view.sentence)
        is_offered = offer is not None and (now is None or now.addon is None or view.is_newer)
        say(self.offer, offer_words(offer) if offer is not None and is_offered else "")
        terms = f"{_NOTHING.format(' and '.join(offer.hosts))} {licence_words(offer)}" if offer is not None and is_offered else ""
        say(self.small, terms if not view.doing else "")
        say(self.state, _state(view))
        say(self.problem, view.what, view.remedy)
        self._show_progress(view)
        self.main_button.setText(_main(view, offer if is_offered else None))
        complete = now is not None and now.addon is not None
        self.remove_button.setText("Remove" if complete else "Discard")
        rest = not view.doing
        show_some(
            {
                self.main_button: bool(self.main_button.text()),
                self.check_button: rest and complete,
                self.remove_button: rest and is_there,
            }
        )

    def _show_progress(self, view: AddonView) -> None:
        now = view.progress
        self.bar.setVisible(bool(view.doing))
        self.bar.setRange(0, STEPS if now is not None else 0)
        if now is not None:
            self.bar.setValue(round(STEPS * now.done / now.bytes))
        say(self.progress, _fetching(now) if now is not None else "")

    def _press_main(self) -> None:
        if self._addons.view.doing:
            self._addons.stop()
        else:
            self._addons.install()

    def _build(self) -> None:
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the add-on")
        self.remove_button.setProperty("role", "quiet")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.main_button, self.check_button, self.remove_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        about = (self.found, self.offer, self.state, self.bar, self.progress, self.problem)
        fill_card(self, "Graphics card", *about, buttons, self.small)
        if (inside := self.layout()) is not None:
            inside.setContentsMargins(16, 14, 16, 14)  # as the facts above


def _state(view: AddonView) -> str:
    """What is there, or what is being done with it."""
    match view.doing:
        case "installing":
            return "Looking at what is there…" if view.progress is None else ""
        case "checking":
            return "Trying it in a process of its own, as a driver may end it…"
        case "removing":
            return "Removing it…"
    if view.now is None or view.now.state == "absent":
        return ""
    newer = " A newer one belongs to this version of Companion." if view.is_newer else ""
    brings = f"{view.now.addon.brings} " if view.now.addon is not None and view.now.state == "on" else ""
    return f"{brings}{state_words(view.now)}{newer}"


def _main(view: AddonView, offer: Addon | None) -> str:
    """The word on the button; empty without one."""
    if view.doing:
        return "Stop" if view.doing != "removing" else ""
    if offer is None:
        return ""
    kept = view.now.bytes if view.now is not None and view.now.addon is None else 0
    what = f"{DEVICE_NAMES[offer.device]} add-on"
    if view.is_newer:
        return f"Update the {what}, {bytes_text(offer.bytes)}"
    return f"Go on with the {what}" if kept else f"Install the {what}, {bytes_text(offer.bytes)}"


def _fetching(now: Installing) -> str:
    speed = f" · {bytes_text(now.bytes_per_second)}/s" if now.bytes_per_second else ""
    left = f" · about {duration_text(now.seconds_left)} left" if now.seconds_left else ""
    return f"{DOING[now.stage]} {now.file} · {bytes_text(now.done)} of {bytes_text(now.bytes)}{speed}{left}"

"""The one style sheet of the application, written from the palette and the text size.

Roles are dynamic properties: `button.setProperty("role", "primary")`. Buttons know "primary" (the one action of a
page), "quiet" (no fill until hovered) and "danger"; labels know "number", "title", "heading", "caption", "muted", "good"
and "problem".
"""

from __future__ import annotations

from companion.core.paths import assets_folder
from companion.ui.palette import Palette, mix


def style_sheet(palette: Palette, font_size: int) -> str:
    """Every rule for one palette; `font_size` is body text in pixels, the other sizes keep their ratio to 14."""
    sizes = {size: max(round(size * font_size / 14), 9) for size in (12, 20, 28)}
    line = max(round(20 * font_size / 14), 16)
    parts = (
        _labels(palette, sizes),
        _buttons(palette, line),
        _fields(palette, line, max(font_size / 14, 1.0)),
        _choices(palette, max(font_size / 14, 1.0)),
        _lists(palette),
        _scrolling(palette),
    )
    return "\n".join(parts)


def _labels(p: Palette, sizes: dict[int, int]) -> str:
    return f"""
QToolTip {{ background: {p.raised}; color: {p.text}; border: 1px solid {p.line}; padding: 6px 8px; }}
QLabel {{ background: transparent; }}
QLabel[role="number"] {{ font-size: {sizes[28]}px; font-weight: 600; }}
QLabel[role="title"] {{ font-size: {sizes[20]}px; font-weight: 600; }}
QLabel[role="heading"] {{ font-weight: 600; }}
QLabel[role="caption"] {{ font-size: {sizes[12]}px; color: {p.muted}; }}
QLabel[role="muted"] {{ color: {p.muted}; }}
QLabel[role="problem"] {{ font-size: {sizes[12]}px; color: {p.bad}; }}
QLabel[role="good"] {{ font-size: {sizes[12]}px; font-weight: 600; color: {p.ok}; }}
QLabel[role="chip"] {{
    font-size: {sizes[12]}px; color: {p.text}; background: {p.surface};
    border: 1px solid {p.line}; border-radius: 12px; padding: 4px 12px;
}}
QFrame[role="toast"] {{ background: {p.raised}; border: 2px solid {mix(p.line, p.muted, 0.25)}; border-radius: 12px; }}
QFrame[role="toast"]:focus {{ border-color: {p.accent}; }}
QFrame[role="toast"] QPushButton {{ background: {mix(p.raised, p.text, 0.10)}; color: {p.text}; }}
QFrame[role="toast"] QPushButton:hover {{ background: {mix(p.raised, p.text, 0.18)}; }}
QFrame[role="toast"] QToolButton:hover {{ background: {mix(p.raised, p.text, 0.10)}; }}
QFrame#popupCard {{ background: {p.surface}; border: 1px solid {p.line}; }}
QFrame[role="card"] {{ background: {p.surface}; border: 1px solid {p.line}; border-radius: 16px; }}
QFrame[role="choice"] {{ background: {p.surface}; border: 2px solid {p.line}; border-radius: 12px; }}
QFrame[role="choice"][chosen="true"] {{ background: {p.raised}; border-color: {p.accent}; }}
"""


def _buttons(p: Palette, line: int) -> str:
    # A transparent 2 px border is always there, so that the focus ring moves nothing.
    return f"""
QPushButton, QToolButton {{ background: {p.raised}; color: {p.text}; border: 2px solid transparent; border-radius: 10px; }}
QPushButton {{ padding: 6px 14px; min-height: {line}px; }}
QToolButton {{ padding: 4px; }}
QPushButton:hover, QToolButton:hover {{ background: {mix(p.raised, p.text, 0.08)}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {mix(p.raised, p.text, 0.14)}; }}
QPushButton:checked, QToolButton:checked {{ background: {p.raised}; color: {p.accent}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {p.accent}; outline: none; }}
QPushButton:disabled, QToolButton:disabled {{ color: {mix(p.surface, p.muted, 0.6)}; }}
QPushButton[role="primary"] {{ background: {p.accent}; color: {p.on_accent}; font-weight: 600; }}
QPushButton[role="primary"]:hover {{ background: {mix(p.accent, p.text, 0.14)}; }}
QPushButton[role="primary"]:pressed {{ background: {mix(p.accent, p.text, 0.24)}; }}
QPushButton[role="primary"]:focus {{ border-color: {p.text}; }}
QPushButton[role="primary"]:disabled {{ background: {p.raised}; color: {mix(p.surface, p.muted, 0.6)}; }}
QPushButton[role="danger"] {{ color: {p.bad}; }}
QPushButton[role="quiet"], QToolButton, QToolButton[role="quiet"] {{ background: transparent; }}
QPushButton[role="quiet"]:hover, QToolButton:hover {{ background: {p.raised}; }}
QPushButton[role="quiet"]:pressed, QToolButton:pressed {{ background: {mix(p.raised, p.text, 0.08)}; }}
QToolButton:checked {{ background: {p.raised}; }}
QPushButton[role="fold"] {{ background: transparent; color: {p.text}; padding: 4px 8px 4px 0; text-align: left; }}
QPushButton[role="fold"]:hover {{ color: {p.accent}; }}
QToolButton::menu-indicator, QPushButton::menu-indicator {{ image: none; width: 0; }}
"""


def outline(p: Palette) -> str:
    """Around what is filled in or ticked: 3:1 on bg, surface and raised, as WCAG 2.2 asks of what must be found."""
    return mix(p.line, p.muted, 0.7)


def _fields(p: Palette, line: int, scale: float) -> str:
    # The focus ring is a pixel wider than the outline; the padding gives that pixel, so nothing moves. The other kind of
    # popup is as high as entries without our rules would be: it cuts off the last one, and draws a frame around ours.
    # Qt itself keeps the room of a combo box's arrow free of words.
    arrow, spin_arrow = min(round(14 * scale), 22), min(round(12 * scale), 18)
    up, down = _image(p, "chevron-up"), _image(p, "chevron-down")
    return f"""
QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QAbstractSpinBox {{
    background: {p.raised}; color: {p.text}; border: 1px solid {outline(p)}; border-radius: 10px;
    selection-background-color: {mix(p.surface, p.accent, 0.32)}; selection-color: {p.text};
}}
QLineEdit {{ padding: 6px 11px; min-height: {line}px; }}
QPlainTextEdit, QTextEdit {{ padding: 7px 9px; }}
QAbstractSpinBox {{ padding: 6px 27px 6px 1px; min-height: {line}px; }}
QComboBox {{ padding: 6px 3px 6px 11px; min-height: {line}px; combobox-popup: 0; }}
QPlainTextEdit[readOnly="true"], QTextEdit[readOnly="true"] {{ border-color: transparent; }}
QLineEdit:hover, QAbstractSpinBox:hover, QComboBox:hover {{ background: {mix(p.raised, p.text, 0.05)}; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {{
    border: 2px solid {p.accent};
}}
QLineEdit:focus {{ padding: 5px 10px; }}
QPlainTextEdit:focus, QTextEdit:focus {{ padding: 6px 8px; }}
QAbstractSpinBox:focus {{ padding: 5px 26px 5px 0; }}
QComboBox:focus {{ padding: 5px 2px 5px 10px; }}
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled {{ color: {mix(p.surface, p.muted, 0.6)}; }}
QAbstractSpinBox QLineEdit, QComboBox QLineEdit, QAbstractSpinBox QLineEdit:focus, QComboBox QLineEdit:focus {{
    background: transparent; border: none; padding: 0;
}}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{
    subcontrol-origin: border; width: 24px; border: none; background: transparent;
}}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin-top: 3px; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin-bottom: 3px; }}
QAbstractSpinBox::up-arrow {{ image: url("{up}"); width: {spin_arrow}px; height: {spin_arrow}px; }}
QAbstractSpinBox::down-arrow {{ image: url("{down}"); width: {spin_arrow}px; height: {spin_arrow}px; }}
QComboBox::drop-down {{ subcontrol-origin: border; subcontrol-position: center right; width: 28px; border: none; }}
QComboBox::down-arrow {{ image: url("{down}"); width: {arrow}px; height: {arrow}px; }}
QComboBox QAbstractItemView {{
    background: {p.surface}; border: 1px solid {p.line}; padding: 4px; outline: none;
}}
QComboBox QAbstractItemView::item {{ min-height: {line + 8}px; padding: 0 6px; border-radius: 6px; }}
QComboBox QAbstractItemView::item:selected {{ background: {p.raised}; color: {p.text}; }}
"""


def _choices(p: Palette, scale: float) -> str:
    box, ball, ring = round(18 * scale), round(20 * scale), round(6 * scale)  # a ball is as large when it is checked
    empty = mix(p.raised, p.text, 0.14)
    return f"""
QCheckBox, QRadioButton {{ spacing: 8px; padding: 2px; border: 2px solid transparent; border-radius: 8px; }}
QCheckBox:focus, QRadioButton:focus {{ border-color: {p.accent}; outline: none; }}
QCheckBox::indicator {{
    width: {box}px; height: {box}px; border: 1px solid {outline(p)}; border-radius: 6px; background: {p.surface};
}}
QCheckBox::indicator:hover {{ border-color: {p.accent}; }}
QCheckBox::indicator:checked {{
    background: {p.accent}; border-color: {p.accent}; image: url("{_image(p, "check")}");
}}
QRadioButton[role="heading"] {{ font-weight: 600; }}
QRadioButton::indicator {{
    width: {ball - 4}px; height: {ball - 4}px; border: 2px solid {outline(p)}; border-radius: {ball // 2}px;
    background: {p.surface};
}}
QRadioButton::indicator:hover {{ border-color: {p.accent}; }}
QRadioButton::indicator:checked {{
    width: {ball - 2 * ring}px; height: {ball - 2 * ring}px; border: {ring}px solid {p.accent}; background: {p.on_accent};
}}
QRadioButton::indicator:disabled {{ border-color: {p.line}; background: transparent; }}
QRadioButton:disabled {{ color: {mix(p.surface, p.muted, 0.6)}; }}
QSlider {{ min-height: 24px; border: 2px solid transparent; border-radius: 8px; }}
QSlider:focus {{ border-color: {p.accent}; }}
QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {empty}; }}
QSlider::sub-page:horizontal {{ height: 4px; border-radius: 2px; background: {p.accent}; }}
QSlider::handle:horizontal {{ width: 16px; height: 16px; margin: -6px 0; border-radius: 8px; background: {p.accent}; }}
QSlider::handle:horizontal:hover {{ background: {mix(p.accent, p.text, 0.2)}; }}
QProgressBar {{ background: {empty}; border: none; border-radius: 3px; max-height: 6px; text-align: center; color: transparent; }}
QProgressBar::chunk {{ background: {p.accent}; border-radius: 3px; }}
"""


def _lists(p: Palette) -> str:
    return f"""
QMenu {{ background: {p.surface}; border: 1px solid {p.line}; border-radius: 10px; padding: 6px; }}
QMenu::item {{ padding: 7px 18px 7px 10px; border-radius: 6px; }}
QMenu::item:selected {{ background: {p.raised}; }}
QMenu::item:disabled {{ color: {mix(p.surface, p.muted, 0.6)}; }}
QMenu::icon {{ padding-left: 8px; }}
QMenu::separator {{ height: 1px; background: {p.line}; margin: 6px 4px; }}
QListView, QTreeView {{ background: transparent; border: 2px solid transparent; border-radius: 10px; outline: none; }}
QListView:focus, QTreeView:focus {{ border-color: {p.accent}; }}
QListView[role="cards"]:focus, QTreeView[role="cards"]:focus {{ border-color: transparent; }}
QListView::item {{ padding: 8px 12px; border-radius: 10px; }}
QListView::item:hover {{ background: {mix(p.surface, p.raised, 0.55)}; }}
QListView::item:selected {{ background: {p.raised}; color: {p.text}; }}
QSplitter::handle {{ background: {p.line}; }}
"""


def _scrolling(p: Palette) -> str:
    quiet, awake = mix(p.raised, p.muted, 0.3), mix(p.raised, p.muted, 0.7)
    return f"""
QScrollArea {{ background: transparent; border: none; }}
QScrollBar {{ background: transparent; border: none; }}
QScrollBar:vertical {{ width: 10px; }}
QScrollBar:horizontal {{ height: 10px; }}
QScrollBar::handle {{ background: {quiet}; border-radius: 3px; margin: 2px; }}
QScrollBar::handle:hover, QScrollBar::handle:pressed {{ background: {awake}; }}
QScrollBar::handle:vertical {{ min-height: 32px; }}
QScrollBar::handle:horizontal {{ min-width: 32px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
"""


def _image(palette: Palette, name: str) -> str:
    # Style sheets take pictures from files only, so the few marks inside controls are shipped once per theme.
    return (assets_folder() / "theme" / palette.name / f"{name}.svg").as_posix()

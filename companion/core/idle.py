"""For how long nobody has touched the computer, where its desktop tells."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Callable

_ANY_INPUT = 0xFFFFFFFF


class DesktopIdle:
    """Asks X11 (MIT-SCREEN-SAVER), Windows (GetLastInputInfo) or macOS (CGEventSource). Wayland tells no program."""

    def __init__(self) -> None:
        try:
            self._read = _reader()
        except (OSError, AttributeError):  # a library or a function is not there
            self._read = None

    def seconds(self) -> float | None:
        """Since the last key or movement anywhere; None when it cannot be known."""
        return self._read() if self._read is not None else None


def _reader() -> Callable[[], float | None] | None:
    if sys.platform == "win32":
        return _windows
    if sys.platform == "darwin":
        return _macos()
    # Under Wayland an X server is there for old programs, and sees no more than what is meant for them.
    return _x11() if os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY") else None


class _LastInput(ctypes.Structure):
    """LASTINPUTINFO in winuser.h."""

    _fields_ = (("size", ctypes.c_uint), ("milliseconds", ctypes.c_uint))


def _windows() -> float | None:
    if sys.platform != "win32":
        return None
    last = _LastInput(size=ctypes.sizeof(_LastInput))
    if not ctypes.windll.user32.GetLastInputInfo(ctypes.byref(last)):
        return None
    now = int(ctypes.windll.kernel32.GetTickCount())
    return ((now - int(last.milliseconds)) & 0xFFFFFFFF) / 1000  # both begin anew after 49 days


def _macos() -> Callable[[], float | None]:
    services = ctypes.CDLL("/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices")
    since = services.CGEventSourceSecondsSinceLastEventType
    since.argtypes, since.restype = (ctypes.c_int32, ctypes.c_uint32), ctypes.c_double
    return lambda: float(since(0, _ANY_INPUT))  # 0: of the whole session


class _ScreenSaver(ctypes.Structure):
    """XScreenSaverInfo in X11/extensions/scrnsaver.h; times are milliseconds."""

    _fields_ = (
        ("window", ctypes.c_ulong),
        ("state", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("til_or_since", ctypes.c_ulong),
        ("idle", ctypes.c_ulong),
        ("event_mask", ctypes.c_ulong),
    )


def _x11() -> Callable[[], float | None] | None:
    x11, saver = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXss.so.1")
    x11.XOpenDisplay.argtypes, x11.XOpenDisplay.restype = (ctypes.c_char_p,), ctypes.c_void_p
    x11.XDefaultRootWindow.argtypes, x11.XDefaultRootWindow.restype = (ctypes.c_void_p,), ctypes.c_ulong
    numbers = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    saver.XScreenSaverQueryExtension.argtypes = numbers
    saver.XScreenSaverQueryInfo.argtypes = (ctypes.c_void_p, ctypes.c_ulong, ctypes.POINTER(_ScreenSaver))
    display = x11.XOpenDisplay(None)
    if not display:
        return None
    event, error = ctypes.c_int(), ctypes.c_int()
    if not saver.XScreenSaverQueryExtension(display, ctypes.byref(event), ctypes.byref(error)):
        return None
    root, info = x11.XDefaultRootWindow(display), _ScreenSaver()

    def seconds() -> float | None:
        return info.idle / 1000 if saver.XScreenSaverQueryInfo(display, root, ctypes.byref(info)) else None

    return seconds

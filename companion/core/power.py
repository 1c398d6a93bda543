"""Where the computer's power comes from."""

from __future__ import annotations


def on_battery() -> bool:
    """Whether a battery is being drained; False where there is none or the system does not tell."""
    import psutil  # a tenth of the window's start, for a question that can wait

    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, RuntimeError, ValueError):  # not on every system, and some drivers report nonsense
        return False
    return battery is not None and battery.power_plugged is False

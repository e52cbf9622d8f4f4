"""An event-sourced counter: its value is nowhere but in what happened; a snapshot only saves reading it all again.

python counter.py http://localhost:15500 add 5
python counter.py http://localhost:15500 show
"""

import sys

from synap_sdk import SynapClient

STREAM = "counter-events"
SNAPSHOT = "counter-snapshot"


def apply(value, event):
    """What an event means. The only place that knows."""
    return value + event.data["by"] if event.event == "added" else 0


def replay(client):
    """The value now: the snapshot, and what happened since."""
    state = client.kv.get(SNAPSHOT) or {"value": 0, "next": 0}
    value, position = state["value"], state["next"]
    for event in client.stream.read(STREAM, "counter", position):
        value, position = apply(value, event), event.offset + 1
    if position > state["next"]:
        client.kv.set(SNAPSHOT, {"value": value, "next": position})
    return value, position


def main(url, action, by):
    with SynapClient(url) as client:
        client.stream.get_or_create(STREAM)
        if action == "add":
            client.stream.publish(STREAM, "added", {"by": by})
        elif action == "reset":
            client.stream.publish(STREAM, "reset", None)
        value, events = replay(client)
        print(f"{value} after {events} events")


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else "http://localhost:15500",
        sys.argv[2] if len(sys.argv) > 2 else "show",
        int(sys.argv[3]) if len(sys.argv) > 3 else 1,
    )

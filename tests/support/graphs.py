"""What the tests of graphs share."""


def steps(stream):
    """(step, node, kind, status) of each step event."""
    return [(e.data["step"], e.data["node"], e.data["kind"], e.data["status"]) for e in stream.events if e.type == "step"]


def rows(message):
    """The steps that a committed message tells of."""
    return message["metadata"]["steps"]


def kept(stream):
    """The events that no reset voided."""
    seen = []
    for event in stream.events:
        if event.type == "reset":
            seen = [e for e in seen if e.id <= event.data["after"]]
        else:
            seen.append(event)
    return seen


def parts(stream):
    """{part: text}, in order of part, what a reset voided left out."""
    texts = {}
    for event in sorted((e for e in kept(stream) if e.type == "delta"), key=lambda e: (e.data["part"], e.id)):
        texts[event.data["part"]] = texts.get(event.data["part"], "") + event.data["text"]
    return texts


def reply(stream):
    """What a reader makes of it: the parts in order, an empty line between."""
    return "\n\n".join(parts(stream).values())

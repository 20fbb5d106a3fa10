"""Commands over MQTT: taken once under their sender's id, refused when stale (contract section 4)."""

from agent.answers import Problem
from agent.effects import REPLY_CONTENT, Answer, Message, Order
from agent.facts import CommandReceived, KnownCommand
from agent.workflow.commands import ASKED
from agent.workflow.turn import FRESH_S, Turn

BAD_REQUEST, CONFLICT = 400, 409
MOST_REPLIES = 10
"""To how many more a reply goes that is still to come."""


def command_received(turn: Turn, fact: CommandReceived) -> None:
    """A known id gets the first answer again, at any age; a new one is done if it is fresh."""
    turn.durable()
    if fact.known:
        answer_again(turn, fact, fact.known)
        return
    turn.order(Order(id=fact.command, fact=fact.id, replies=(fact.reply,)))
    problem = fact.problem or stale(turn, fact)
    if problem or fact.asked is None:
        turn.answer(Answer(to=fact.id, problem=problem))
    else:
        ASKED[type(fact.asked)](turn, fact.asked)


def answer_again(turn: Turn, fact: CommandReceived, known: KnownCommand) -> None:
    """The first answer, byte for byte; one that is still to come goes to whoever asks again, too."""
    if known.answer is not None:
        turn.send(
            Message(
                topic=fact.reply.topic,
                payload=known.answer,
                content_type=REPLY_CONTENT,
                correlation=fact.reply.correlation,
            )
        )
    elif fact.reply not in known.replies:
        turn.order(Order(id=fact.command, fact=known.fact, replies=(*known.replies[:MOST_REPLIES], fact.reply)))


def stale(turn: Turn, fact: CommandReceived) -> Problem | None:
    """Why a new command is not done: kept by the broker, too old, or ahead of the clock."""
    if fact.retained:
        return Problem(
            status=BAD_REQUEST, title="Retained", detail="A retained command is never done; publish it anew."
        )
    if not fact.clock_set:
        if fact.boot == turn.fact.at.boot:
            return None
        detail = "The station's clock is unset: give the bootId of its status along, so that it can tell the age."
        return Problem(status=CONFLICT, title="Clock Unset", detail=detail)
    if fact.issued is None:
        return Problem(status=BAD_REQUEST, title="No Time", detail="The command has no issuedAt (RFC 3339).")
    if not abs(fact.at.wall - fact.issued) <= FRESH_S:
        detail = f"The command was issued more than {FRESH_S:.0f} s before or after the station's time; issue it anew."
        return Problem(status=CONFLICT, title="Stale", detail=detail)
    return None

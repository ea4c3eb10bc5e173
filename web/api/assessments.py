"""What can be sat."""

from __future__ import annotations

from dataclasses import dataclass

from invigilation.desk.requests import RequestDesk
from web.api.fields import Nothing, Plain
from web.api.layer import AnyOperation, Call, Operation, Reply
from web.api.oauth import Scope


class AssessmentAnswer(Plain):
    """An assessment: its length in minutes, what may lie on the table, the pass mark in percent.

    `phone_allowed`: it may be sat on a phone as the only device.
    """

    code: str
    title: str
    minutes: int
    materials: tuple[str, ...]
    pass_mark: int
    phone_allowed: bool = True


class AssessmentsAnswer(Plain):
    """Your assessments, by title."""

    assessments: tuple[AssessmentAnswer, ...]


@dataclass(frozen=True, slots=True)
class Assessments:
    """Operations on assessments."""

    desk: RequestDesk

    def operations(self) -> list[AnyOperation]:
        """Declare them."""
        return [
            Operation(
                name="listAssessments",
                method="GET",
                path="/assessments",
                summary="List your assessments",
                scopes=(Scope.REQUESTS_READ,),
                body=Nothing,
                query=Nothing,
                params=Nothing,
                answers={200: AssessmentsAnswer},
                handler=self.list,
                tag="assessments",
            )
        ]

    async def list(self, call: Call[Nothing, Nothing, Nothing]) -> Reply:
        """Return what can be sat; a request names one by its code."""
        found = await self.desk.assessments(call.caller.backend)
        answers = tuple(
            AssessmentAnswer(
                code=one.code,
                title=one.title,
                minutes=one.minutes,
                materials=one.materials,
                pass_mark=one.pass_mark,
                phone_allowed=one.phone_allowed,
            )
            for one in found
        )
        return Reply(200, AssessmentsAnswer(assessments=answers))

"""What an edX platform asks of its proctoring provider, call by call.

`routes` gives them all; the platform's plugin has the base address `https://HOST/edx`. Every call
but the token's shows an access token. Errors are problems (`web.api.problems`) and never hold an
`id`, which the platform would take for one of ours.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, JsonValue, ValidationError

from invigilation.desk.edx import Candidate, EdxDesk, Terms
from invigilation.desk.office import new_id
from invigilation.edx import EdxAttempt, Exam
from invigilation.errors import InvalidInput, InvigilationError, NotFound
from invigilation.store.edx import Standing
from web.api.layer import read_body
from web.api.oauth import TokenEndpoint, Tokens
from web.api.problems import Problem, from_error, internal
from web.backends.edx import words
from web.backends.edx.fields import AttemptBody, ExamBody, Filters, StatusBody
from web.backends.edx.tokens import EdxClients, backend_of
from web.wrapping import Wrapping

PREFIX = "/edx"
APPROVED = "approved-in-course"
NO_REASON = "Say who sits the exam: full_name and email are missing."

log = logging.getLogger(__name__)
M = TypeVar("M", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Facts = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Provider:
    """Answers a platform. `link` gives the learner's absolute personal link for a request."""

    desk: EdxDesk
    wrapping: Wrapping
    tokens: Tokens
    link: Callable[[str], str]
    name: str
    url: str

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        api = f"{PREFIX}/api/v1"
        exam, attempt = f"{api}/exam/{{exam}}/", f"{api}/exam/{{exam}}/attempt/{{attempt}}/"
        statuses = f"{api}/courses/{{course:.+}}/onboarding_statuses"
        token = TokenEndpoint(EdxClients(self.desk, self.wrapping), self.tokens)
        return [
            web.post(f"{PREFIX}/oauth2/access_token", _answering(token.serve)),
            web.get(f"{api}/config/", _answering(self.config)),
            web.post(f"{api}/exam/", _answering(self.save_exam)),
            web.post(exam, _answering(self.save_exam)),
            web.get(exam, _answering(self.show_exam)),
            web.post(f"{exam}attempt/", _answering(self.register)),
            web.get(attempt, _answering(self.show_attempt)),
            web.patch(attempt, _answering(self.move)),
            web.delete(attempt, _answering(self.delete)),
            web.delete(f"{api}/user/{{user}}/", _answering(self.retire)),
            web.get(statuses, _answering(self.onboarding)),
        ]

    def _backend(self, request: web.Request) -> str:
        return backend_of(self.tokens, request.headers.get("Authorization"))

    async def config(self, request: web.Request) -> web.Response:
        """Say who we are; there is nothing to install, and no rule that a course could set."""
        self._backend(request)
        return _english(
            {
                "name": self.name,
                "rules": {},
                "download_url": f"{self.url}/",
                "instructions": list(words.GENERAL),
            }
        )

    async def save_exam(self, request: web.Request) -> web.Response:
        """Keep an exam, new or known."""
        backend = self._backend(request)
        raw = await read_body(request)
        body = _parsed(ExamBody, raw)
        lms_id = body.id
        if "exam" in request.match_info:
            # The platform may name it by our name, which it keeps as its external one.
            lms_id = (await self.desk.exam(backend, request.match_info["exam"])).lms_id
        exam = await self.desk.keep_exam(
            Exam(
                new_id("ex"),
                backend,
                lms_id,
                body.course_id,
                body.content_id,
                body.name,
                body.minutes,
                body.practice,
                body.due,
                json.dumps(json.loads(raw, parse_constant=_no_number), sort_keys=True),
            )
        )
        return web.json_response({"id": exam.id})

    async def show_exam(self, request: web.Request) -> web.Response:
        """Return an exam as it was saved last, under our name."""
        exam = await self.desk.exam(self._backend(request), request.match_info["exam"])
        facts: Facts = json.loads(exam.facts)
        return web.json_response({**facts, "id": exam.id, "external_id": exam.id})

    async def register(self, request: web.Request) -> web.Response:
        """Make an attempt: status 200 exactly, or the platform takes it for refused."""
        backend = self._backend(request)
        body = _parsed(AttemptBody, await read_body(request))
        exam = await self.desk.exam(backend, request.match_info["exam"])
        practice = body.practice or exam.practice
        if not practice and not (body.name and body.email):
            raise InvalidInput("full_name", NO_REASON)
        who = Candidate(body.user, body.name or "", body.email or "")
        terms = Terms(body.minutes or exam.minutes, body.rules, practice)
        platform = await self.desk.platform(backend)
        where = f"{platform.url}/courses/{_quoted(exam.course)}/jump_to/{_quoted(exam.content)}"
        attempt = await self.desk.register(backend, exam.id, who, terms, where)
        return web.json_response({"id": attempt.id, "status": attempt.state.value})

    async def show_attempt(self, request: web.Request) -> web.Response:
        """Return how an attempt stands, what its learner is to do, and where."""
        _, attempt = await self._attempt(request)
        facts: Facts = {"id": attempt.id, "status": attempt.state.value}
        if attempt.practice or attempt.request is None:
            own: Facts = {"instructions": list(words.PRACTICE), "download_url": f"{self.url}/"}
            return _english(facts | own)
        sitting = await self.desk.sitting(attempt)
        steps = words.instructions(sitting)
        link = self.link(attempt.request)
        return _english({**facts, "instructions": list(steps), "download_url": link})

    async def move(self, request: web.Request) -> web.Response:
        """Take the platform's word on an attempt."""
        backend, attempt = await self._attempt(request)
        event = _parsed(StatusBody, await read_body(request)).event
        if event is not None:
            exam, ident = request.match_info["exam"], attempt.id
            attempt = await self.desk.move(backend, exam, ident, event)
        return web.json_response({"id": attempt.id, "status": attempt.state.value})

    async def delete(self, request: web.Request) -> web.Response:
        """Forget an attempt; one that is gone is a 404, which the platform takes for done."""
        backend = self._backend(request)
        await self.desk.delete(backend, request.match_info["exam"], request.match_info["attempt"])
        return web.json_response({"status": "deleted"})

    async def retire(self, request: web.Request) -> web.Response:
        """Forget who a learner is: true, or false for not yet."""
        done = await self.desk.retire(self._backend(request), request.match_info["user"])
        return web.json_response(done)

    async def onboarding(self, request: web.Request) -> web.Response:
        """Say that everybody is approved: identity is established at each session anew.

        Asked for one learner, the answer holds that one's status at its top, too.
        """
        backend = self._backend(request)
        asked = _strings(Filters, dict(request.query))
        known = await self.desk.of_course(backend, request.match_info["course"])
        page = words.paged(_users(known, asked), asked.page, asked.page_size)
        results: list[JsonValue] = [_approved(user) for user in page.items]
        address = f"{self.url}{request.path}?page_size={asked.page_size}"
        facts: Facts = {
            "results": results,
            "count": page.count,
            "num_pages": page.pages,
            "next": f"{address}&page={asked.page + 1}" if asked.page < page.pages else None,
            "previous": f"{address}&page={asked.page - 1}" if asked.page > 1 else None,
        }
        return web.json_response((_approved(asked.user_id) if asked.user_id else {}) | facts)

    async def _attempt(self, request: web.Request) -> tuple[str, EdxAttempt]:
        backend = self._backend(request)
        exam, ident = request.match_info["exam"], request.match_info["attempt"]
        return backend, await self.desk.attempt(backend, exam, ident)


def _approved(user: str) -> Facts:
    return {"user_id": user, "status": APPROVED, "expiration_date": None}


def _users(known: list[Standing], asked: Filters) -> list[str]:
    wanted = {word for word in (asked.status or "").split(",") if word}
    if wanted and APPROVED not in wanted:
        return []
    if asked.user_id:
        return [asked.user_id]
    return sorted({one.attempt.candidate for one in known})


def _answering(handler: Handler) -> Handler:
    """Answer what is refused with a problem."""

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            if not all(one.isprintable() for one in request.match_info.values()):
                # PostgreSQL takes no NUL; a name with one names nothing here.
                raise NotFound("path", "")  # noqa: TRY301 - answered as any other
            response = await handler(request)
        except Problem as problem:
            response = problem.response()
        except InvigilationError as error:
            response = from_error(error).response()
        except Exception:
            log.exception("edX call failed: %s %s", request.method, request.rel_url.raw_path)
            response = internal().response()
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return serve


def _english(facts: Facts) -> web.Response:
    """Answer in English, whatever language is asked for, and say so."""
    headers = {"Content-Language": "en", "Vary": "Accept-Language"}
    return web.json_response(facts, headers=headers)


def _parsed(model: type[M], raw: bytes) -> M:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _invalid(error) from None


def _strings(model: type[M], query: dict[str, str]) -> M:
    try:
        return model.model_validate_strings({name: one for name, one in query.items() if one})
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Problem:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return Problem("malformed_json", faults[0]["msg"])
    listed = [
        {"pointer": "#/" + "/".join(map(str, one["loc"])), "detail": one["msg"]}
        for one in faults[:20]
    ]
    return Problem("invalid_input", "Some fields cannot be used.", facts={"errors": listed})


def _no_number(_: str) -> None:
    """Return what stands for NaN and the infinities, which JSON has no word for."""


def _quoted(key: str) -> str:
    return quote(key, safe=":+@/")

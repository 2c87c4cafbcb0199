"""The HTTP interface `/api/v1`: what waits and what is open, and what people do about it.

Each request names its person by `Authorization: Bearer`, or by the session of the page; reading wants the role viewer
or more. A request that acts counts with a session only where it comes from the page itself. A try that is refused is
audited and counted. What a person does becomes a control record that this process signs with the person's name and
`via: http`; the answer 202 says that it is written, and its effect shows on the request, the incident or the remedy.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from aiohttp import web
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from actions.remedies.by_hand import KIND as BREAKER
from actions.trust.people import Directory
from actions.trust.roles import Verb, may_not
from classifiers.by_hand import Assign
from classifiers.directives import OfPerson, Silence
from classifiers.incident_silence import matched_text, service_of
from classifiers.model import AuditEntry
from classifiers.telling_by_hand import Escalate
from streams.contracts.people.silences import StoredSilence
from streams.respond.http.authentication import Authenticator, TooMany, Unauthenticated
from streams.respond.http.control_log import ControlLog
from streams.respond.http.event_stream import EventStream, TooManyClients
from streams.respond.http.json_body import Problem, answer, body_of
from streams.respond.http.part import Part
from streams.respond.http.readings import (
    Handler,
    Known,
    Readings,
    item_of,
    request_of,
    silence_at,
    silence_of_request,
    text_of_request,
)
from streams.respond.http.verbs import (
    INCIDENT_VERBS,
    REMEDY_VERBS,
    breaker_directive,
    decision_of,
    expire_directive,
    incident_directive,
    item_directive,
    release_directive,
    remedy_directive,
    storm_directive,
    watch_directive,
)
from streams.respond.page.sessions import Sessions, is_foreign, is_of_page
from streams.telemetry.respond_metrics import RespondMetrics

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.http")

MAX_BODY_BYTES = 65_536
MAX_WATCHED = 16
"""Series that people watch at once by this process."""
PREFIX = "/api/v1"
PERSON = web.RequestKey("person", str)


class Api:
    """The handlers. known: what was read. complaints: why requests are not served, for `healthz`. now_s: the clock of
    decisions, by which what people do is dated. sessions: of people who logged in on the page.
    """

    def __init__(
        self, known: Known, directory: Directory, authenticator: Authenticator,
        control: ControlLog, events: EventStream, metrics: RespondMetrics,
        complaints: Callable[[], tuple[str, ...]], now_s: Callable[[], float],
        sessions: Sessions | None = None,
    ) -> None:
        self._known = known
        self._desk = known.desk
        self._readings = Readings(known, now_s)
        self._directory = directory
        self._authenticator = authenticator
        self._senders = authenticator.senders
        self._control = control
        self._events = events
        self._metrics = metrics
        self._complaints = complaints
        self._now_s = now_s
        self._sessions = sessions or Sessions()
        self._parts: tuple[Part, ...] = ()
        self._watched_until_s: list[float] = []

    async def identify(self, authorization: str | None, request: web.Request) -> str:
        """The person of an `Authorization` header; raises `Unauthenticated` and `TooMany`."""
        return await self._authenticator.person(authorization, self._senders.of(request))

    def app(self, *parts: Part) -> web.Application:
        """The application with all routes. parts: served beside the interface."""
        self._parts = parts
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY_BYTES)
        routes = app.router
        routes.add_get(f"{PREFIX}/healthz", self._healthz)
        for path, handler in {**self._readings.handlers, "events": self._listen}.items():
            routes.add_get(f"{PREFIX}/{path}", self._for_readers(handler))
        routes.add_post(f"{PREFIX}/approvals/{{key}}/decision", self._decide)
        routes.add_post(f"{PREFIX}/texts/{{digest}}/decision", self._decide_text)
        routes.add_post(f"{PREFIX}/incidents/{{id}}/{{verb}}", self._act_on_incident)
        routes.add_post(f"{PREFIX}/silences/{{id}}/expire", self._expire_silence)
        routes.add_post(f"{PREFIX}/remedies/{{kind}}/{{target:.+}}/{{verb:undo|keep}}", self._act_on_remedy)
        routes.add_post(f"{PREFIX}/breakers/{{target:.+}}", self._set_breaker)
        routes.add_post(f"{PREFIX}/storm/reset", self._reset_storm)
        routes.add_post(f"{PREFIX}/items/{{id}}", self._set_item)
        routes.add_post(f"{PREFIX}/series/watch", self._watch)
        for part in parts:
            part.add_to(app)
        return app

    # Who may

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Name the person, and turn each refusal into an answer, an entry of the audit and a count."""
        person = None
        try:
            if not self._is_public(request):
                person = await self._person(request)
                request[PERSON] = person
                self._refuse_other_sites(request, person)
            return await handler(request)
        except Unauthenticated as error:
            problem = Problem(401, str(error), "unauthenticated")
        except TooMany as error:
            problem = Problem(429, str(error), "too_many")
        except Problem as error:
            problem = error
        except ValueError as error:
            problem = Problem(400, str(error), "malformed")
        except KafkaError as error:
            log.warning("not_written", path=request.path, reason=repr(error))
            return answer({"error": "the broker did not take it; try again"}, 503)
        return await self._refuse(request, person, problem)

    def _is_public(self, request: web.Request) -> bool:
        return request.path == f"{PREFIX}/healthz" or any(part.is_public(request) for part in self._parts)

    async def _person(self, request: web.Request) -> str:
        """The person of the header, else of the session of the page."""
        authorization = request.headers.get("Authorization")
        by_session = None if authorization is not None else self._sessions.person(request)
        return by_session or await self.identify(authorization, request)

    def _refuse_other_sites(self, request: web.Request, person: str) -> None:
        """A browser sends a cookie, and what a proxy adds, with each request: one that acts must be of the page."""
        if request.method == "GET":
            return
        with_cookie = "Authorization" not in request.headers
        if is_foreign(request) or (with_cookie and not is_of_page(request)):
            raise Problem(403, f"the request of {person} comes from another site", "forbidden")

    async def _refuse(self, request: web.Request, person: str | None, problem: Problem) -> web.Response:
        self._metrics.refused(problem.answer)
        if problem.answer == "forbidden":
            self._authenticator.note_failure(self._senders.of(request))
        if problem.answer in ("forbidden", "unauthenticated"):
            what = f"{request.method} {request.path[:200]}"
            reason = f"{problem} (http, from {self._senders.of(request)})"
            entry = AuditEntry(self._now_s(), f"http {what}", "refused", None, "refused", reason, person)
            try:
                await self._control.refused(entry)
            except KafkaError as error:
                log.error("refusal_not_audited", what=what, reason=repr(error))
        headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
        return answer({"error": str(problem)}, problem.status, headers)

    def _require(self, request: web.Request, verb: Verb, service: str | None) -> str:
        """The person, who may do this for the service; raises `Problem`."""
        person = request[PERSON]
        if not self._directory.may(person, verb, service or ""):
            raise Problem(403, may_not(person, verb, service), "forbidden")
        return person

    # Reading

    async def _healthz(self, _: web.Request) -> web.Response:
        reasons = self._complaints()
        return answer({"ok": not reasons, "reasons": list(reasons)}, 503 if reasons else 200)

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        try:
            async with self._events.listen() as events:
                await response.prepare(request)
                async for event in events:
                    await response.write(event)
        except TooManyClients as error:
            raise Problem(503, str(error), "too_many") from error
        except ConnectionError:
            pass  # the client left
        return response

    def _for_readers(self, handler: Handler) -> Handler:
        async def read(request: web.Request) -> web.StreamResponse:
            self._require(request, "read", None)
            return await handler(request)

        return read

    # Acting

    async def _decide(self, request: web.Request) -> web.Response:
        waiting = request_of(self._known, request)
        body = await body_of(request)
        verb = body.get("verb")
        if verb not in ("approve", "reject", "withdraw", "break_glass"):
            raise ValueError(f"verb {verb!r}, expected one of approve, reject, withdraw, break_glass")
        person = request[PERSON]
        if verb in ("withdraw", "break_glass"):
            self._require(request, verb, waiting.intent.service)
        elif not self._directory.roles(person, waiting.intent.service).intersection(waiting.terms.roles):
            expected = " or ".join(waiting.terms.roles)
            raise Problem(403, f"{person} may not decide this request, expected the role {expected}", "forbidden")
        if waiting.state != "requested":
            raise Problem(409, f"the request is {waiting.state}: {waiting.reason}", "malformed")
        signer = self._control.signer
        if signer is None:
            raise Problem(503, "signing.private_file: none, so nothing can be signed for people", "malformed")
        return await self._write(
            decision_of(waiting, body, person, self._now_s(), self._control.source, signer),
        )

    async def _decide_text(self, request: web.Request) -> web.Response:
        text = text_of_request(self._known, request)
        digest, body = request.match_info["digest"], await body_of(request)
        directive = release_directive(digest, body, request[PERSON], self._now_s())
        fault = None if text.draft is None else self._known.releases.fault(text.draft, directive.by)
        if fault is not None:
            raise Problem(403, fault, "forbidden")
        return await self._write(directive)

    async def _act_on_incident(self, request: web.Request) -> web.Response:
        verb, incident_id = request.match_info["verb"], request.match_info["id"]
        if verb not in INCIDENT_VERBS:
            raise Problem(404, f"verb {verb!r}, expected one of {', '.join(INCIDENT_VERBS)}", "malformed")
        known = self._desk.incident(incident_id)
        if known is None:
            raise Problem(404, f"incident {incident_id!r}: unknown", "malformed")
        person = self._require(request, INCIDENT_VERBS[verb], known.service)
        if known.state == "resolved":
            raise Problem(409, f"incident {incident_id!r}: resolved already", "malformed")
        if verb == "unsilence" and known.silenced_by is not None:
            return await self._end_silence(request, silence_at(self._known, known.silenced_by, self._now_s()))
        directive = incident_directive(verb, known, await body_of(request), person, self._now_s())
        if isinstance(directive, Assign) and not self._directory.knows(directive.to):
            raise ValueError(f"to {directive.to!r}, expected a person under people")
        if isinstance(directive, Escalate) and (fault := self._known.escalation_fault(incident_id, directive.to)):
            raise ValueError(fault)
        return await self._write(directive)

    async def _expire_silence(self, request: web.Request) -> web.Response:
        return await self._end_silence(request, silence_of_request(self._known, request))

    async def _end_silence(self, request: web.Request, known: StoredSilence) -> web.Response:
        """End a silence by the right to silence its service; one that may fit several has none."""
        name, service, now_s = known.silence.id, service_of(known.silence.matchers), self._now_s()
        if service is None:
            expected = "`tocsin control expire` with a key of control.keys"
            raise Problem(403, f"silence {name!r}: it may fit several services, expected {expected}", "forbidden")
        person = self._require(request, "silence", service)
        if known.state(now_s) == "ended":
            raise Problem(409, f"silence {name!r}: it is over already", "malformed")
        return await self._write(expire_directive(name, await body_of(request), person, now_s))

    async def _act_on_remedy(self, request: web.Request) -> web.Response:
        found = request.match_info
        service = self._service_of(found["kind"], found["target"])
        person = self._require(request, REMEDY_VERBS[found["verb"]], service)
        body = await body_of(request)
        directive = remedy_directive(found["verb"], found["kind"], found["target"], body, person, self._now_s())
        return await self._write(directive)

    async def _set_breaker(self, request: web.Request) -> web.Response:
        target = request.match_info["target"]
        directive = breaker_directive(target, await body_of(request), request[PERSON], self._now_s())
        self._require(request, directive.verb, self._service_of(BREAKER, target))
        return await self._write(directive)

    def _service_of(self, kind: str, target: str) -> str:
        """The service of what is in force at a target, else the first part of its name."""
        known = self._known.in_force.remedy(kind, target)
        return target.partition("/")[0] if known is None else known.intent.service

    async def _reset_storm(self, request: web.Request) -> web.Response:
        person = self._require(request, "storm_reset", None)
        return await self._write(storm_directive(await body_of(request), person, self._now_s()))

    async def _set_item(self, request: web.Request) -> web.Response:
        person = request[PERSON]
        if not self._directory.may_anywhere(person, "review"):  # a review is of no service, as for the command line
            raise Problem(403, may_not(person, "review"), "forbidden")
        known = item_of(self._known, request)
        return await self._write(item_directive(known, await body_of(request), person, self._now_s()))

    async def _watch(self, request: web.Request) -> web.Response:
        person, now_s = self._require(request, "read", None), self._now_s()
        asked = watch_directive(await body_of(request), person, now_s)
        self._watched_until_s = [until_s for until_s in self._watched_until_s if until_s > now_s]
        if len(self._watched_until_s) >= MAX_WATCHED:
            raise Problem(429, f"{MAX_WATCHED} series are watched by this process; try again later", "too_many")
        written = await self._write(asked)
        self._watched_until_s.append(asked.until_s)
        return written

    async def _write(self, directive: OfPerson) -> web.Response:
        if self._control.signer is None:
            raise Problem(503, "signing.private_file: none, so nothing can be signed for people", "malformed")
        await self._control.write(directive)
        told = {"silences": matched_text(directive.matchers)} if isinstance(directive, Silence) else {}
        return answer({"id": directive.id, "written": True, **told}, 202)

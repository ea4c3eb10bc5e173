"""The composition root: here, and only here, the house is put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from aiohttp import web

from invigilation.desk import audited
from invigilation.desk.platforms import PlatformDesk
from invigilation.dispatch import Dispatch
from invigilation.report import Channel
from invigilation.sweeps import Carrier as Other
from invigilation.sweeps import Sweeps
from recordings.evidence import Snapshots
from recordings.vision.eye import Eye, EyeSettings
from recordings.vision.likeness import Engine, LikenessSettings, LikenessUnfit, check
from scheduler.jobs import Job
from scheduler.runner import running
from signalling.live import Live, RtcPeers
from signalling.mirror import Mirrors
from signalling.peer import MediaSettings
from web import copies, pages, timestamps
from web.access import guards
from web.access.gate import GUARDS, Guard
from web.access.refusals import REFUSALS, Refusals
from web.access.table import Who
from web.alerts import Alerts
from web.api import service as api
from web.api.oauth import Tokens
from web.api.problems import describe
from web.auth.factors import FACTORS, Factors
from web.auth.links import personal_link
from web.auth.passkeys import party_of
from web.auth.place import place_of
from web.backends import webhook
from web.backends.edx.carrier import EdxCarrier
from web.backends.edx.course_page import CoursePage
from web.backends.edx.lms import Lms
from web.backends.edx.provider import Provider
from web.backends.edx.tokens import Links
from web.backends.keys import WEBHOOK_KEY, open_webhook_key
from web.backends.lti import pages as lti
from web.backends.lti.carrier import LtiCarrier
from web.backends.lti.keys import ToolKey
from web.backends.lti.launches import Launches
from web.backends.lti.registering import Registrar
from web.backends.lti.wire import USER_AGENT, Wire
from web.bank_holidays import bank_holidays
from web.calendars.busy import BusyCalendars, reading
from web.captures import Captures
from web.captures import Room as Told
from web.carrier import Carrier, pause_after
from web.copies import COPIES, open_copies
from web.draining import DRAINING
from web.evidence import EvidenceShelf
from web.gone import EVERY_S, Gone
from web.health.limits import DroppedDatagrams
from web.health.routes import keys
from web.health.service import Health, live_watch
from web.house import House, derived, device_secret, edx_desk, edx_wrapping, staff_wrapping
from web.keys import DESK, RELAY, SECRET, SETTINGS, VAULT, VERIFIER, Verifier
from web.local import LocalKeeping
from web.mail.letters import Letterhead, Letters
from web.mail.post import MailFolder, Post, Smtp
from web.outward import ANYWHERE, open_client
from web.pages.captures import CAPTURES
from web.pages.local import LOCAL
from web.pages.rehearsal import MIRRORS
from web.pages.verify import PUBLISHED
from web.payments import hook
from web.payments.stripe import StripePayments
from web.ports import StoredClients, StoredKeys
from web.relay import Relay
from web.reports import REPORTS, open_reports
from web.reserve import Reserve
from web.retention import Eraser, periods_of, policy_of
from web.settings import Settings, Unable
from web.setup import open_store
from web.studies import Studies

Context = Callable[[web.Application], AsyncIterator[None]]
Sweep = Callable[[], Awaitable[object]]
HELD_FREE_S = 15.0
"""So soon at the latest is a held time free for the next one."""
MAX_FORM_BYTES = 256 * 1024
LOOK_SECONDS = 20.0
"""For one look at pictures: two are enough on an idle machine, but live sessions come first."""


def application(house: House) -> web.Application:
    """Put the application together; its collaborators start and end with it."""
    app = web.Application(client_max_size=MAX_FORM_BYTES)
    signing = house.keyring.signing
    app[DESK] = house.desk
    app[SETTINGS] = house.settings
    app[SECRET] = house.keyring.secret
    app[FACTORS] = Factors(house.desk, staff_wrapping(house), party_of(house.settings))
    app[VAULT] = house.vault
    app[COPIES] = open_copies(house.desk, house.settings, house.vault, house.keyring.wrapping)
    app[REPORTS] = open_reports(house.desk, house.vault, house.settings)
    app[WEBHOOK_KEY] = open_webhook_key(house.settings.var / "keys")
    app[VERIFIER] = Verifier(signing)
    app[DRAINING] = []
    app[PUBLISHED] = signing.published
    app.cleanup_ctx.append(_store(house))
    if house.payments is not None:
        app.cleanup_ctx.append(_till(house.payments))
    shelf = _shelf(app, house)
    live = _live_room(app, house, shelf)
    app[RELAY] = _relay(app, house, live)
    health = Health(app, house, lambda: live.figures)
    app.cleanup_ctx.append(_platforms(house))
    told = Told(live.progress, live.captured, live.told, live.look)
    app[CAPTURES] = captures = Captures(house.desk, shelf, told)
    app[LOCAL] = LocalKeeping(
        house.desk, house.vault, app[RELAY].session_changed, device_secret(house)
    )
    gone = Gone(house.desk, live.staff, app[RELAY].signed_out, live.logins)
    app.cleanup_ctx.append(_clockwork(house, shelf, captures, health, gone))
    app.add_routes([keys(signing.published, app[REPORTS].documents)])
    app.add_subapp("/api", _api(house))
    edx = _edx(app, house)
    app[GUARDS] = {Who.MACHINE: guards.machines(_tokens(house)), Who.PLATFORM: edx}
    app[REFUSALS] = Refusals(house.metrics.registry)
    app.router.add_get("/problems/{code}", describe)
    pages.setup(app)
    lti.setup(app)
    if house.payments is not None:
        app.add_routes([hook.route(house.settings.stripe_webhook_secret.get_secret_value())])
    return app


def _till(payments: StripePayments) -> Context:
    async def context(_: web.Application) -> AsyncIterator[None]:
        yield
        payments.close_all()

    return context


def _api(house: House) -> web.Application:
    office = house.desk.office
    return api.build(
        house.desk,
        api.Ports(
            clients=StoredClients(office),
            keys=StoredKeys(office),
            token_key=_token_key(house),
            server=house.settings.url,
            link=lambda request: house.settings.url + personal_link(house.keyring.secret, request),
        ),
    )


def _token_key(house: House) -> bytes:
    return derived(house.keyring.secret, b"api tokens")


def _tokens(house: House) -> Tokens:
    return Tokens(_token_key(house), house.desk.office.clock)


def _edx(app: web.Application, house: House) -> Guard:
    """Add what edX platforms call; return who reads their tokens."""
    settings, desk, wrapping = house.settings, edx_desk(house), edx_wrapping(house)
    tokens = Tokens(derived(house.keyring.secret, b"edx tokens"), house.desk.office.clock)
    provider = Provider(
        desk,
        wrapping,
        tokens,
        lambda request: settings.url + personal_link(house.keyring.secret, request),
        settings.service_name,
        settings.url,
    )
    app.add_routes([*provider.routes(), CoursePage(desk, Links(desk, wrapping)).route()])
    return guards.platforms(tokens)


def _store(house: House) -> Context:
    async def context(_: web.Application) -> AsyncIterator[None]:
        await open_store(house.desk.office.store)
        yield
        await house.desk.office.store.close()

    return context


def _shelf(app: web.Application, house: House) -> EvidenceShelf:
    """Make the shelf of evidence with the eye that looks at it; both live with the application."""
    settings = house.settings
    eye = Eye(_eye(settings), house.desk.office.clock)

    def told(session: str) -> None:
        app[RELAY].session_changed(session)

    studies = Studies(house.desk, house.vault, eye, told, bool(settings.likeness))

    async def context(_: web.Application) -> AsyncIterator[None]:
        if settings.identity_at_once:
            await eye.open()
        yield
        await studies.close()
        await eye.close()

    app.cleanup_ctx.append(context)
    return EvidenceShelf(house.desk, house.vault, Snapshots(), eye, studies)


def _eye(settings: Settings) -> EyeSettings:
    likeness = None
    if settings.likeness:
        likeness = LikenessSettings(
            Engine(settings.likeness.value),
            settings.likeness_files,
            settings.likeness_digests,
            settings.likeness_calibration,
        )
        try:
            check(likeness)
        except LikenessUnfit as reason:
            raise Unable(str(reason)) from None
    return EyeSettings(
        processes=settings.identity_processes, seconds=LOOK_SECONDS, likeness=likeness
    )


def _live_room(app: web.Application, house: House, shelf: EvidenceShelf) -> Live:
    settings = house.settings
    media = MediaSettings(
        host_addresses=settings.media_addresses,
        port_range=settings.media_ports,
        port=settings.media_port,
        video_cap_bps=settings.video_cap_kbps * 1_000,
    )
    clock = house.desk.office.clock
    peers = RtcPeers(media)
    house.metrics.registry.register(DroppedDatagrams(peers.dropped))
    live = Live(
        house.desk, shelf, peers, clock, settings.origins, place_of, live_watch(house.metrics)
    )
    app[MIRRORS] = mirrors = Mirrors(peers, clock.monotonic)

    async def evidence_room(_: web.Application) -> AsyncIterator[None]:
        _open_media(peers, settings)
        yield
        await mirrors.close()
        peers.close()
        shelf.snapshots.close()

    app.cleanup_ctx.append(evidence_room)
    live.attach(app)
    return live


def _open_media(peers: RtcPeers, settings: Settings) -> None:
    try:
        peers.open()
    except OSError as error:
        raise Unable(
            f"UDP port {settings.media_port} for sound and picture cannot be used: "
            f"{error.strerror}. Stop what uses it, or choose another with INVIGILATION_MEDIA_PORT."
        ) from None


def _relay(app: web.Application, house: House, live: Live) -> Relay:
    relay = Relay(
        house.settings.redis_url, live.look, live.changed, live.signed_out, live.look_again
    )

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with relay.running():
            yield

    app.cleanup_ctx.append(context)
    return relay


def _platforms(house: House) -> Context:
    """Let platforms that speak LTI in; the connections to them live with the application."""
    secret, base, clock = house.keyring.secret, house.settings.url, house.desk.office.clock
    desk = PlatformDesk(house.desk.office, house.desk.requests)
    key = ToolKey(house.settings.var / "keys" / "lti.pem")
    private = ANYWHERE if house.settings.webhook_private_addresses else ()

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with open_client(private, USER_AGENT) as client:
            wire = Wire(client, key, clock)
            launches = Launches(desk, wire, clock, secret, base)
            name = house.settings.service_name
            registrar = Registrar(house.desk.office, wire, secret, base, name)
            app[lti.TOOL] = lti.Tool(
                desk, launches, registrar, wire, key, house.vault, secret, base
            )
            yield

    return context


def _clockwork(
    house: House, shelf: EvidenceShelf, captures: Captures, health: Health, gone: Gone
) -> Context:
    stamping = timestamps.opening(house.settings, house.desk.office.clock)

    async def context(app: web.Application) -> AsyncIterator[None]:
        settings = house.settings
        private = ANYWHERE if settings.webhook_private_addresses else ()
        inside = settings.calendar_private_addresses
        async with (
            stamping as authority,
            webhook.open_session(private) as client,
            reading(house.desk, private=inside) as calendars,
        ):
            key = app[WEBHOOK_KEY]
            plain = Carrier(house.desk, client, _letters(house), _post(settings), key=key)
            tool, told = app[lti.TOOL], app[RELAY].session_changed
            lms = Lms(client, house.desk.office.clock, edx_wrapping(house))
            others: dict[Channel, Other] = {
                Channel.LTI: LtiCarrier(tool.desk, tool.wire, plain, told),
                Channel.EDX: EdxCarrier(edx_desk(house), lms),
            }
            carrier = replace(plain, others=others)
            sweeps = Sweeps(house.desk, carrier, pause_after)
            jobs = _jobs(house, sweeps, shelf, captures, calendars)
            minute = timedelta(seconds=60)
            jobs.append(Job("fills", minute, 2 * minute, app[LOCAL].sweep))
            jobs.append(Job("gone", timedelta(seconds=EVERY_S), minute, gone.sweep))
            jobs += timestamps.jobs(house.desk, authority) + app[REPORTS].jobs()
            jobs += copies.jobs(house.vault, app[COPIES])
            async with Dispatch(house.desk, carrier, pause_after).running() as dispatch:
                jobs += _deliveries(house, dispatch)
                async with running(health.expect(jobs), health.heard):
                    yield

    return context


def _deliveries(house: House, dispatch: Dispatch) -> list[Job]:
    alerts = Alerts(house.desk.deliveries, house.metrics.registry)
    often, seconds = timedelta(seconds=house.settings.deliver_seconds), timedelta(seconds=60)
    return [
        Job("deliver", often, seconds, dispatch.sweep),
        Job("alert", seconds, seconds, alerts.sweep),
    ]


def _jobs(
    house: House,
    sweeps: Sweeps,
    shelf: EvidenceShelf,
    captures: Captures,
    calendars: BusyCalendars,
) -> list[Job]:
    settings = house.settings
    pictures = timedelta(days=settings.identity_days)
    eraser = Eraser(house.vault, house.desk.office.clock, policy_of(settings))
    periods = periods_of(settings)
    soon = min(settings.sweep_seconds, HELD_FREE_S)

    def job(name: str, seconds: float, timeout: float, sweep: Sweep) -> Job:
        return Job(name, timedelta(seconds=seconds), timedelta(seconds=timeout), sweep)

    return [
        job("beat", settings.heartbeat_seconds, 20, sweeps.beat),
        job("disk", 5, 20, Reserve.under(settings.var, settings.evidence_reserve).sweep),
        job("mark_no_shows", settings.sweep_seconds, 60, sweeps.mark_no_shows),
        job("lapse", soon, 60, house.desk.bookings.lapse),
        job("offer", soon, 60, house.desk.waiting.offer),
        job("remind", settings.sweep_seconds, 120, house.desk.reminders.sweep),
        job("busy", 60, 600, calendars.sweep),
        job("purge", 600, 60, sweeps.purge),
        job("holidays", 86_400, 60, lambda: house.desk.rota.close_holidays(bank_holidays)),
        job("seal_audit", 15, 60, lambda: audited.sweep(house.desk.office)),
        job("ask_payments", 60, 120, house.desk.payments.look),
        job("mend", 60, 600, shelf.mend_orphans),
        job("forget_captures", 60, 20, captures.sweep),
        job("erase", 3_600, 600, lambda: sweeps.erase(eraser)),
        job("erase_texts", 3_600, 600, lambda: house.desk.erasure.sweep(periods)),
        job("erase_onboard", 3_600, 600, lambda: house.desk.onboard.erase(eraser)),
        job("erase_strangers", 86_400, 600, lambda: shelf.erase_strangers(pictures)),
    ]


def _letters(house: House) -> Letters:
    settings = house.settings
    return Letters(
        Letterhead(
            settings.service_name,
            settings.mail_from,
            settings.url,
            lambda request: personal_link(house.keyring.secret, request),
            settings.mail_reply_to,
            timedelta(hours=settings.cutoff_hours),
        )
    )


def _post(settings: Settings) -> Post:
    if not settings.smtp_host:
        return MailFolder(settings.var / "mail")
    return Smtp(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_user,
        settings.smtp_password.get_secret_value(),
        settings.smtp_tls,
    )

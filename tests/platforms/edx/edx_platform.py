"""An edX platform as a process: edx-proctoring itself, in the smallest Django project it takes.

Its own models, views and REST client are at work; the rest of a platform (courses, names, grades)
is played. What a learner or an instructor does there is done by posting to `/do/...`. It runs in
the platforms' own environment, which has none of the project's packages.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import time
import types
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

PORT = int(os.environ["PLATFORM_PORT"])
DATA = Path(os.environ["PLATFORM_DATA"])
PROVIDER = os.environ["PLATFORM_PROVIDER"]
"""The file that holds our base address, client id and client secret, one a line."""
SHIFT = os.environ.get("PLATFORM_CLOCK_SHIFT_FILE", "")
URL = f"http://localhost:{PORT}"
COURSE = "course-v1:Sea+SSO+2026"
CONTENT = "block-v1:Sea+SSO+2026+type@sequential+block@final"
OUR_CLIENT, OUR_SECRET = "invigilation", "the-secret-that-the-platform-made"
REVIEWER = "invigilation-service"
KEY = "a-key-of-the-platform-with-which-it-signs-tokens-for-itself-only"

_apps = (
    *("contenttypes", "auth", "sessions"),
    *("rules.apps.AutodiscoverRulesConfig", "simple_history", "waffle", "edx_when"),
    *("edx_proctoring", "rest_framework"),
)
settings.configure(
    SECRET_KEY=KEY,
    USE_TZ=True,
    TIME_ZONE="UTC",
    LANGUAGE_CODE="en",
    SITE_NAME=f"localhost:{PORT}",
    SITE_ID=1,
    HTTPS="off",
    PLATFORM_NAME="Training platform",
    LMS_ROOT_URL=URL,
    LEARNING_MICROFRONTEND_URL=URL,
    ENV_ROOT=str(DATA),
    DEFAULT_FROM_EMAIL="platform@example.org",
    TECH_SUPPORT_EMAIL="help@example.org",
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    COURSE_ID_PATTERN=r"(?P<course_id>[^/+]+(/|\+)[^/+]+(/|\+)[^/?]+)",
    USAGE_ID_PATTERN=r"(?P<usage_id>.+)",
    USAGE_KEY_PATTERN=r"(?P<usage_key_string>.+)",
    PROCTORING_USER_OBFUSCATION_KEY="obscured",
    PROCTORING_SETTINGS={"ALLOW_REVIEW_UPDATES": False, "LINK_URLS": {}},
    PROCTORING_BACKENDS={"DEFAULT": "remote", "remote": {}},
    FEATURES={},
    INSTALLED_APPS=[name if name in _apps[3:] else f"django.contrib.{name}" for name in _apps],
    MIGRATION_MODULES={app.partition(".")[0]: None for app in _apps},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA / "platform.sqlite3")}
    },
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    MIDDLEWARE=[
        "edx_django_utils.cache.middleware.RequestCacheMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "crum.CurrentRequestUserMiddleware",
    ],
    AUTHENTICATION_BACKENDS=[
        "rules.permissions.ObjectPermissionBackend",
        "django.contrib.auth.backends.ModelBackend",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    JWT_AUTH={
        "JWT_ISSUERS": [{"ISSUER": URL, "SECRET_KEY": KEY, "AUDIENCE": "platform"}],
        "JWT_AUTH_HEADER_PREFIX": "JWT",
        "JWT_AUTH_COOKIE": "jwt",
        "JWT_DECODE_HANDLER": ("edx_rest_framework_extensions.auth.jwt.decoder.jwt_decode_handler"),
        "JWT_VERIFY_AUDIENCE": False,
    },
    ROOT_URLCONF="edx_platform",
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
)
sys.modules["edx_platform"] = sys.modules[__name__]
django.setup()

import jwt  # noqa: E402
import rules  # noqa: E402
from django.apps import apps  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import include, path, re_path  # noqa: E402
from edx_django_utils.cache import TieredCache  # noqa: E402
from edx_proctoring import api  # noqa: E402
from edx_proctoring.backends import rest  # noqa: E402
from edx_proctoring.models import (  # noqa: E402
    ProctoredExam,
    ProctoredExamSoftwareSecureComment,
    ProctoredExamSoftwareSecureReview,
    ProctoredExamStudentAttempt,
)
from edx_proctoring.runtime import set_runtime_service  # noqa: E402
from edx_proctoring.utils import obscured_user_id  # noqa: E402


def _shift() -> float:
    try:
        return float(Path(SHIFT).read_text(encoding="ascii")) if SHIFT else 0.0
    except (OSError, ValueError):
        return 0.0


# An instructor's token ends by the time of the service under test.
rest.time = types.SimpleNamespace(time=lambda: time.time() + _shift())


class Remote(rest.BaseRestProctoringProvider):
    """The plugin that an operator writes for us: nothing but names."""

    verbose_name = "Remote invigilation"
    tech_support_email = "help@example.org"
    tech_support_phone = ""
    ping_interval = 60
    learner_notification_from_email = ""
    integration_specific_email = ""

    def get_javascript(self) -> str:
        """Return nothing: there is no script of ours."""
        return ""


class Credit:
    """Knows who somebody is; remembers no credit."""

    def get_credit_state(self, user_id: int, *_: object, **__: object) -> dict[str, object]:
        user = User.objects.get(id=user_id)
        return {
            "profile_fullname": user.first_name,
            "student_email": user.email,
            "course_name": "Sea",
            "enrollment_mode": "verified",
            "credit_requirement_status": [],
        }

    def set_credit_requirement_status(self, *_: object, **__: object) -> None:
        """Remember nothing."""

    def remove_credit_requirement_status(self, *_: object, **__: object) -> None:
        """Remember nothing."""

    def is_credit_course(self, *_: object) -> bool:
        return False


class Instructors:
    """Knows who is on a course's staff, and does nothing for them."""

    def is_course_staff(self, *_: object) -> bool:
        return False

    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: None


class Grades:
    """Overrides no grade."""

    def should_override_grade_on_rejected_exam(self, *_: object) -> bool:
        return False

    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: None


def provider() -> Remote:
    """Return the client of our service, as an operator has configured it."""
    base, client, secret = Path(PROVIDER).read_text(encoding="utf-8").split()
    Remote.base_url = base
    return Remote(client_id=client, client_secret=secret)


def configured() -> Remote:
    """Let the platform use it, with no token from before: time may have been moved."""
    TieredCache.dangerous_clear_all_tiers()
    config = apps.get_app_config("edx_proctoring")
    if "remote" not in config.backends:
        config.backends["remote"] = provider()
    return config.backends["remote"]


# --- what is done there -------------------------------------------------------------------------


def token(request):
    """Give a token to a client, as the platform's own OAuth does."""
    asked = request.POST
    if (asked["client_id"], asked["client_secret"]) != (OUR_CLIENT, OUR_SECRET):
        return JsonResponse({"error": "invalid_client"}, status=401)
    now = int(time.time())
    claims = {
        "iss": URL,
        "aud": "platform",
        "preferred_username": REVIEWER,
        "version": "1.2.0",
        "iat": now,
        "exp": now + 600,
    }
    made = jwt.encode(claims, KEY, algorithm="HS256")
    return JsonResponse({"access_token": made, "expires_in": 600, "token_type": "JWT"})


def page(request, **_):
    """Show what a learner sees where the exam is; once it has begun, the exam."""
    configured()
    learner = User.objects.get(username="learner")
    context = {"default_time_limit_mins": 60, "display_name": "Final exam", "is_proctored": True}
    shown = api.get_student_view(learner.id, COURSE, CONTENT, context)
    # Its scripts take a whole platform around them: here they are only text.
    text = (shown or "<h1>The exam</h1>").replace("<script", "<template")
    text = text.replace("</script>", "</template>")
    return HttpResponse(f"<!doctype html><html lang=en><title>Exam</title><main>{text}</main>")


def do(request, what):
    """Do what somebody does there, and tell how the attempt stands."""
    backend = configured()
    said = json.loads(request.body or b"{}")
    exam = ProctoredExam.objects.filter(course_id=COURSE, content_id=CONTENT).first()
    learner = User.objects.filter(username="learner").first()
    match what:
        case "exam":
            api.create_exam(COURSE, CONTENT, "Final exam", 60)
        case "attempt":
            learner = User.objects.create_user("learner", said["email"], first_name=said["name"])
            api.create_exam_attempt(exam.id, learner.id, taking_as_proctored=True)
        case "start":
            api.start_exam_attempt(exam.id, learner.id)
        case "submit":
            attempt = ProctoredExamStudentAttempt.objects.get()
            api.update_attempt_status(attempt.id, "submitted")
        case "instructor":
            user = {"id": "1", "full_name": "Tess Teacher", "email": "tess@example.org"}
            url = backend.get_instructor_url(COURSE, user, exam_id=exam.external_id)
            return JsonResponse({"url": url})
        case "retire":
            return JsonResponse(
                {"done": backend.retire_user(obscured_user_id(learner.id, "remote"))}
            )
        case "onboarding":
            return JsonResponse(backend.get_onboarding_profile_info(COURSE, status=""))
        case "config":
            return JsonResponse(backend.get_proctoring_config())
        case "stored":
            return JsonResponse(backend.get_exam({"id": exam.id}))
    return JsonResponse(standing())


def standing() -> dict[str, object]:
    """Return the exam's external name, how the attempt stands, and what was said of it."""
    exam = ProctoredExam.objects.first()
    attempt = ProctoredExamStudentAttempt.objects.first()
    comments = ProctoredExamSoftwareSecureComment.objects.order_by("id")
    return {
        "exam": exam and exam.external_id,
        "attempt": attempt and attempt.external_id,
        "status": attempt and attempt.status,
        "reviews": [one.review_status for one in ProctoredExamSoftwareSecureReview.objects.all()],
        "comments": [
            {"comment": one.comment, "status": one.status, "start": one.start_time}
            for one in comments
        ],
    }


urlpatterns = [
    path("readyz", lambda _: HttpResponse("ready")),
    path("oauth2/access_token", token),
    path("api/", include("edx_proctoring.urls")),
    path("do/<str:what>", do),
    path("password", page, name="password_assistance"),
    re_path(r"courses/(?P<course_id>.+)/jump_to/(?P<location>.+)$", page, name="jump_to"),
    re_path(r"courses/(?P<course_id>.+)/progress$", page, name="progress"),
    re_path(r"courses/(?P<course_id>.+)$", page, name="course_root"),
]


class Server(ThreadingMixIn, WSGIServer):
    """A thread a connection: the platform asks us while it is being asked."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Writes no line a request."""

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def main() -> None:
    """Make the tables, then serve until the end."""
    logging.basicConfig(level=logging.WARNING)
    call_command("migrate", run_syncdb=True, verbosity=0)
    group = Group.objects.create(name="remote_review")
    User.objects.create_user(REVIEWER).groups.add(group)
    set_runtime_service("credit", Credit())
    set_runtime_service("instructor", Instructors())
    set_runtime_service("grades", Grades())
    rules.add_perm("edx_proctoring.can_take_proctored_exam", rules.always_true)
    # SIGTERM ends it as the keyboard does, with exit code 0.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        make_server(
            "localhost", PORT, get_wsgi_application(), server_class=Server, handler_class=Quiet
        ).serve_forever()


if __name__ == "__main__":
    main()

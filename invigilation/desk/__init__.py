"""The desk: what people ask the exam office for, a module a noun."""

from __future__ import annotations

from dataclasses import dataclass

from invigilation.desk.anchors import AnchorDesk
from invigilation.desk.attendance import AttendanceDesk
from invigilation.desk.bookings import BookingDesk
from invigilation.desk.busy import BusyDesk
from invigilation.desk.challenges import ChallengeDesk
from invigilation.desk.charges import ChargeDesk
from invigilation.desk.clients import ClientDesk
from invigilation.desk.companies import CompanyDesk
from invigilation.desk.consents import ConsentDesk
from invigilation.desk.credentials import CredentialDesk
from invigilation.desk.deliveries import DeliveryDesk
from invigilation.desk.devices import DeviceDesk
from invigilation.desk.enquiries import EnquiryDesk
from invigilation.desk.erasure import ErasureDesk
from invigilation.desk.exporting import ExportDesk
from invigilation.desk.feeds import FeedDesk
from invigilation.desk.fills import FillDesk
from invigilation.desk.full_pictures import FullPictureDesk
from invigilation.desk.gaps import GapDesk
from invigilation.desk.handover import HandoverDesk
from invigilation.desk.identity import IdentityDesk
from invigilation.desk.inspections import InspectionDesk
from invigilation.desk.ledger import LedgerDesk
from invigilation.desk.logins import LoginDesk
from invigilation.desk.looks import LookDesk
from invigilation.desk.office import Office, Rules
from invigilation.desk.onboard import OnboardDesk
from invigilation.desk.payments import PaymentDesk
from invigilation.desk.people import Reception
from invigilation.desk.persons import PersonDesk
from invigilation.desk.probes import ProbeDesk
from invigilation.desk.products import ProductDesk
from invigilation.desk.receipts import ReceiptDesk
from invigilation.desk.rechecks import RecheckDesk
from invigilation.desk.recordings import RecordingDesk
from invigilation.desk.reminders import ReminderDesk
from invigilation.desk.report_made import ReportMadeDesk
from invigilation.desk.reports import ReportDesk
from invigilation.desk.requests import RequestDesk
from invigilation.desk.roster import RosterDesk
from invigilation.desk.rota import RotaDesk
from invigilation.desk.sessions import SessionDesk
from invigilation.desk.waiting import WaitingDesk
from invigilation.ports import Payments

__all__ = ["Desk", "Office", "Rules"]


@dataclass(frozen=True, slots=True)
class Desk:
    """All desks of one office."""

    office: Office
    reception: Reception
    credentials: CredentialDesk
    company: CompanyDesk
    logins: LoginDesk
    roster: RosterDesk
    devices: DeviceDesk
    clients: ClientDesk
    requests: RequestDesk
    bookings: BookingDesk
    waiting: WaitingDesk
    rota: RotaDesk
    sessions: SessionDesk
    gaps: GapDesk
    fills: FillDesk
    inspections: InspectionDesk
    handover: HandoverDesk
    identity: IdentityDesk
    full_pictures: FullPictureDesk
    challenges: ChallengeDesk
    rechecks: RecheckDesk
    consents: ConsentDesk
    recordings: RecordingDesk
    attendance: AttendanceDesk
    charges: ChargeDesk
    products: ProductDesk
    payments: PaymentDesk
    enquiries: EnquiryDesk
    receipts: ReceiptDesk
    reports: ReportDesk
    reports_made: ReportMadeDesk
    exports: ExportDesk
    erasure: ErasureDesk
    anchors: AnchorDesk
    reminders: ReminderDesk
    busy: BusyDesk
    feeds: FeedDesk
    deliveries: DeliveryDesk
    onboard: OnboardDesk
    ledger: LedgerDesk
    looks: LookDesk
    persons: PersonDesk
    probes: ProbeDesk

    @classmethod
    def of(cls, office: Office, payments: Payments | None = None) -> Desk:
        """Set up every desk of the office; without `payments` people pay by hand."""
        return cls(
            office,
            Reception(office),
            CredentialDesk(office),
            CompanyDesk(office),
            LoginDesk(office),
            RosterDesk(office),
            DeviceDesk(office),
            ClientDesk(office),
            RequestDesk(office),
            BookingDesk(office),
            WaitingDesk(office),
            RotaDesk(office),
            SessionDesk(office),
            GapDesk(office),
            FillDesk(office),
            InspectionDesk(office),
            HandoverDesk(office),
            IdentityDesk(office),
            FullPictureDesk(office),
            ChallengeDesk(office),
            RecheckDesk(office),
            ConsentDesk(office),
            RecordingDesk(office),
            AttendanceDesk(office),
            ChargeDesk(office),
            ProductDesk(office),
            PaymentDesk(office, payments),
            EnquiryDesk(office),
            ReceiptDesk(office),
            ReportDesk(office),
            ReportMadeDesk(office),
            ExportDesk(office),
            ErasureDesk(office),
            AnchorDesk(office),
            ReminderDesk(office),
            BusyDesk(office),
            FeedDesk(office),
            DeliveryDesk(office),
            OnboardDesk(office),
            LedgerDesk(office),
            LookDesk(office),
            PersonDesk(office, ExportDesk(office), ErasureDesk(office), LookDesk(office)),
            ProbeDesk(office),
        )

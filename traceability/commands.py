"""`hoiquan trace …`: lots, their records and labels, and a check that needs no server."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

import typer

from devices import files, installation, terminal
from devices.pilots.pilot import Pilot
from devices.settings import Settings
from devices.terminal import AsJson, Data, Language, Limit
from devices.texts import Lang, Misuse, moment, number, percent, text
from traceability.digital_link import DigitalLinkError, LotKey, parse
from traceability.exchange.reader import events, problems
from traceability.pages import label, verify_page
from traceability.records import addendum, address, offline, record, story
from traceability.records.photos import Photos, photos_of
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.tlog import keys
from traceability.tlog.log import LogBusy
from traceability.tlog.tiles import LogReader
from traceability.tlog.witness import accept, parse_witnesses

trace_app = typer.Typer(no_args_is_help=True)
Gtin = Annotated[str, typer.Argument(help="help.gtin")]
Lot = Annotated[str, typer.Argument(help="help.lot")]


@trace_app.command("list")
def list_lots(
    data: Data = None,
    limit: Limit = 20,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """List the newest lots: sealed, or refused and why. Lots made by a split or a merge are included."""
    settings = installation.beside(data)
    rows = seal.lots(settings.trace, limit)
    if json_output:
        terminal.print_json(rows)
        return
    if not rows:
        typer.echo(text("lots.none", lang))
        return
    names = [text(f"lots.{name}", lang)
             for name in ("gtin", "lot", "producer", "harvested", "kg", "coverage", "fate")]  # fmt: skip
    pilot = settings.loaded_pilot
    zone = pilot.zone
    cells = [
        (str(row["gtin"]), str(row["lot"]), _producer(row, pilot, lang),
         _time(row, zone, lang), number(float(str(row["quantity_kg"])), lang),
         percent(float(str(row["coverage"])), lang) if row["coverage"] is not None else "–",
         _fate(row, lang))
        for row in rows
    ]  # fmt: skip
    terminal.show(names, cells, whole=(0, 1))


def _time(row: dict[str, object], zone: tzinfo, lang: str) -> str:
    """When the lot was harvested, or made by a split or merge."""
    time = terminal.moment(int(str(row["time"])), zone, lang)
    return text("lots.made", lang, time=time) if row["made"] else time


def _fate(row: dict[str, object], lang: str) -> str:
    """The lot's index in the log, and whether it was recalled; or why it was refused."""
    if row["refused"]:
        return text(f"lot.{row['refused']}", lang)
    return text("lots.recalled", lang, leaf=row["leaf"]) if row["recalled"] else str(row["leaf"])


def _producer(row: dict[str, object], pilot: Pilot, lang: str) -> str:
    """The producer's name where the pilot file knows it, else its id; marked if its diary is simulated."""
    known = pilot.producers.get(str(row["community"]))
    name = str(row["community"]) if known is None else known.name
    return f"{name} ({text('lots.simulated', lang)})" if row["simulated"] else name


@trace_app.command()
def show(gtin: Gtin, lot: Lot, data: Data = None) -> None:
    """Print a sealed record as its canonical bytes, the ones that were hashed for the log."""
    _, content = _record(data, gtin, lot)
    typer.echo(content)


@trace_app.command("label")
def make_label(
    gtin: Gtin,
    lot: Lot,
    out: Annotated[Path, typer.Option(help="help.label_out")],
    data: Data = None,
    paper: Annotated[str, typer.Option(help="help.paper")] = "a4",
    copies: Annotated[int, typer.Option(min=1, max=10_000, help="help.copies")] = 24,
    rehearsal: Annotated[
        bool,
        typer.Option("--rehearsal", help="help.rehearsal"),
    ] = False,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway",
            help="help.anyway",
        ),
    ] = False,
    lang: Language = "vi",
) -> None:
    """Write the QR code of a lot as a picture, or labels with the code to print."""
    files.may_write(out, files.PICTURES)
    key, sealed = _record(data, gtin, lot)
    settings, content = Settings.read(data=data), record.parse(sealed)
    shelf = Shelf(settings.trace)
    later, (index, doubt) = shelf.addenda(key), shelf.check(sealed)
    unverified = "" if index is not None else text("page.not_verified", lang, reason=text(doubt, lang)) + "."
    why = f"{story.warning(content, later, lang)} {unverified}".strip()
    if why and not anyway:
        raise Misuse("label.recalled", why=why)
    base_url = address.of(settings, content)
    local = address.this_machine_s(base_url)
    if local and not rehearsal:
        raise Misuse("label.this_machine_s", address=base_url)
    mark = "label.trial" if local else "label.rehearsal"
    trial = text(mark, "vi") if rehearsal else ""  # on the label, which is Vietnamese
    uri = base_url + key.path
    kind = out.suffix.lower()
    if kind == ".pdf":
        out.write_bytes(label.pdf([label.of(content, later, trial)] * copies, base_url, paper))
    else:
        picture = label.svg if kind == ".svg" else label.png
        out.write_bytes(picture(uri, trial=trial))
    typer.echo(f"{uri} → {out}" + (f" · {text(mark, lang)}" if rehearsal else ""))


@trace_app.command()
def export(
    gtin: Gtin,
    lot: Lot,
    out: Annotated[Path, typer.Option(help="help.export_out")],
    data: Data = None,
    lang: Language = "vi",
) -> None:
    """Export what a buyer needs to check a lot elsewhere."""
    key, content = _record(data, gtin, lot)
    folder = _folder(data)
    shelf = Shelf(folder)
    parts = {key.lot: content}
    parts |= {f"{key.lot}.{name}": one for name, one in addendum.read_all(shelf.records, key)}
    out.mkdir(parents=True, exist_ok=True)
    for name, one in parts.items():
        proof = shelf.proof(one)
        if proof is None:
            raise Misuse("lots.not_logged", name=name)
        (out / f"{name}.json").write_bytes(one)
        (out / f"{name}.tlog-proof").write_bytes(proof)
    for one in parts.values():
        for name in photos_of(json.loads(one)):
            picture = Photos(folder).read(name)
            if picture is not None:
                (out / f"{name}.jpg").write_bytes(picture)
    for name in ("log.vkey", "log.keys"):
        (out / name).write_bytes((folder / name).read_bytes())
    typer.echo(text("lots.exported", lang, out=out, parts=", ".join(parts)))


@trace_app.command("epcis")
def read_epcis(
    file: Annotated[Path, typer.Argument(help="help.epcis_file")],
    lang: Language = "vi",
) -> None:
    """Read an EPCIS 2.0 document: print its events, or what is wrong with it."""
    document = files.value(file)
    if wrong := problems(document):
        for one in wrong:
            typer.echo(one.sentence(lang), err=True)
        raise typer.Exit(1)
    for event in events(document):
        step = str(event.get("bizStep", "-")).rsplit("/", 1)[-1]
        typer.echo(f"{event['eventTime']}  {event['type']}  {event.get('action', '-')}  {step}")


@trace_app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="help.record_file")],
    proof: Annotated[Path | None, typer.Option(help="help.proof")] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="help.key"),
    ] = None,
    later: Annotated[
        list[Path] | None,
        typer.Option(help="help.later"),
    ] = None,
    photo: Annotated[
        list[Path] | None,
        typer.Option(help="help.photo"),
    ] = None,
    witnesses: Annotated[Path | None, typer.Option(help="help.witness_keys")] = None,
    quorum: Annotated[int, typer.Option(min=0, help="help.quorum")] = 1,
    lang: Language = "vi",
) -> None:
    """Check a record offline: whether it is the one that was sealed, and what came after it."""
    file.open("rb").close()  # a missing record is reported before a missing key
    doubted = [] if key else [text("verify.key_beside", lang)]
    key = key or next((one for one in map(file.with_name, ("log.vkey", "log.keys")) if one.exists()), None)
    if key is None:
        raise Misuse("verify.no_key", path=file)
    trusted = parse_witnesses(files.words(witnesses)) if witnesses is not None else ()
    try:
        reader = offline.Reader(_text(key, lang), trusted, quorum if trusted else 0, lang)
        if file.suffix.lower() == ".pdf":
            report = reader.report(file, proof or file.with_suffix(".tlog-proof"))
            said = text("verify.report", lang, index=report.index, size=report.size, log=report.log)
            typer.echo("\n".join([said, *doubted]))
            return
        checked, read = reader.whole(file, proof or file.with_suffix(".tlog-proof"), later or ())
        pictures = _pictures(photo or (), (checked.content, *read), lang)
    except offline.NotVerified as error:
        typer.echo(f"{text('verify.bad', lang)}: {error}", err=True)
        raise typer.Exit(1) from None
    content, gone = checked.content, story.recalled(read)
    sentences = story.sentences(content, read, lang)
    if gone:  # printed before anything good
        typer.echo(sentences.pop(0), err=True)
    today = datetime.fromisoformat(content["epcis"]["creationDate"]).tzinfo
    doubts = story.doubts(content, read, datetime.now(today).date(), lang)
    for sentence in doubts:
        typer.echo(sentence, err=True)
    place = {"lot": content["lot"], "gtin": content["gtin"], "index": checked.index, "size": checked.size}
    bad = gone or bool(doubts) or bool(story.breaks(read))
    typer.echo(text("verify.sealed" if bad else "verify.verified", lang, **place, log=checked.log))
    for sentence in (*story.invented(content, lang), *sentences, *pictures, *doubted):
        typer.echo(sentence)
    for name, at in checked.witnessed.items():
        at_utc = f"{moment(datetime.fromtimestamp(at, UTC), lang, seconds=True)} UTC"
        typer.echo(text("verify.witnessed", lang, name=name, time=at_utc))
    if content.get("conditions", {}).get("daily"):
        typer.echo(text(f"verify.scope_{content['conditions']['scope']}", lang))
    typer.echo(text("verify.limits", lang))
    if bad:
        raise typer.Exit(1)


@trace_app.command()
def cosign(
    file: Annotated[Path, typer.Argument(help="help.answer")],
    witnesses: Annotated[Path, typer.Option(help="help.asked_witnesses")],
    data: Data = None,
    lang: Language = "vi",
) -> None:
    """Add witnesses' cosignatures to the log's checkpoint (c2sp.org/tlog-cosignature)."""
    log = LogReader(_folder(data) / "log")
    answer, trusted = files.words(file), parse_witnesses(files.words(witnesses))
    cosigned = accept(log.directory, log.size, log.checkpoint(), answer, trusted)
    typer.echo(text("lots.cosigned", lang, size=log.size, names=", ".join(cosigned)))


@trace_app.command("rotate-key")
def rotate_key(data: Data = None, lang: Language = "vi") -> None:
    """Give the log a new signing key. Stop the gateway first."""
    settings = installation.beside(data)
    origin = f"{settings.log_origin}/{settings.loaded_pilot.pilot}"
    today = datetime.now(settings.loaded_pilot.zone).date()
    try:
        new = keys.rotate(settings.trace, origin, today)
    except LogBusy:
        raise Misuse("lots.busy", folder=settings.data) from None
    typer.echo(text("lots.new_key", lang, first=new.first, vkey=new.verifier.vkey))


@trace_app.command()
def verifier(
    out: Annotated[Path, typer.Option(help="help.verifier_out")],
    lang: Language = "vi",
) -> None:
    """Write the page that checks records in a browser, without a network: one file, for others to host."""
    files.may_write(out)
    out.write_bytes(verify_page.page(lang))
    typer.echo(text("lots.verifier", lang, out=out))


def _folder(data: Path | None) -> Path:
    return installation.beside(data).trace


def _record(data: Path | None, gtin: str, lot: str) -> tuple[LotKey, bytes]:
    folder = _folder(data)
    try:
        key = parse(gtin, lot)
    except DigitalLinkError as error:
        raise Misuse(f"page.{error.reason}") from None
    content = seal.read(folder, key)
    if content is None:
        raise Misuse("lots.no_record", lot=lot)
    return key, content


def _text(key: Path, lang: Lang) -> str:
    try:
        return key.read_text("utf-8")
    except UnicodeDecodeError:
        why = text("verify.key_no_text", lang, path=key)
        raise offline.NotVerified(f"{text('verify.key', lang)}: {why}") from None


def _pictures(files: Iterable[Path], documents: Iterable[dict[str, Any]], lang: Lang) -> list[str]:
    """A sentence for each picture that the documents name. Raises NotVerified for any other picture."""
    named, sentences = {name for one in documents for name in photos_of(one)}, []
    for path in files:
        name = hashlib.sha256(path.read_bytes()).hexdigest()
        if name not in named:
            raise offline.NotVerified(f"{path}: {text('verify.photo', lang)} ({len(named)})")
        sentences.append(text("verify.picture", lang, path=path, name=name))
    return sentences

"use strict";
// What traceability/records/check.py, offline.py and story.py do, in a browser. Formats: RFC 8785, RFC 6962, c2sp.org/tlog-proof,
// c2sp.org/tlog-checkpoint, c2sp.org/signed-note.
const words = "WORDS";
const FORMATS = ["hoiquan.record.v1", "hoiquan.addendum.v1"];
const REPORT = "hoiquan-report/1"; // of a PDF, which says nothing of itself that is read here
const PROOF = "c2sp.org/tlog-proof";
const DASH = "\u2014 ";
const LANGUAGE = document.documentElement.lang;
const VIETNAMESE = LANGUAGE === "vi";
const MAX_BYTES = 20000000; // of one file: a picture among them is not read to the end
const MAX_SIGNATURES = 100;

class Failed extends Error {
  constructor(part, sentence) {
    super(sentence);
    this.part = part;
  }
}

// What people wrote, with the characters spelt out that hide or turn around what stands beside them.
const HIDING = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const plain = (words) => words.replace(HIDING, (one) => {
  return `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
});

const utf8 = (text) => new TextEncoder().encode(text);
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const isReport = (bytes) => new TextDecoder().decode(bytes.slice(0, 5)) === "%PDF-";
const leafOf = async (bytes) => {
  const entry = `${isReport(bytes) ? REPORT : FORMATS[0]}\nsha256:${hex(await sha256(bytes))}\n`;
  return sha256(join([0], utf8(entry)));
};
const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function text(bytes, part) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Failed(part, "not UTF-8");
  }
}

function unbase64(value, part) {
  try {
    const bytes = Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
    if (bytes.length && btoa(String.fromCharCode(...bytes)) === value) return bytes;
  } catch {}
  throw new Failed(part, `not base64: ${value.slice(0, 60)}`);
}

function hash(value, part) {
  const bytes = unbase64(value, part);
  if (bytes.length !== 32) throw new Failed(part, `a hash of ${bytes.length} bytes`);
  return bytes;
}

function count(value, part) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(value)) throw new Failed(part, `not a number: ${value.slice(0, 60)}`);
  return BigInt(value);
}

// RFC 8785 spells JSON as ECMAScript does, with the names of an object in order of their UTF-16 units.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const rows = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${rows.join(",")}}`;
}

function readRecord(bytes) {
  if (isReport(bytes)) return { format: REPORT };
  let content;
  try {
    content = JSON.parse(text(bytes, "record"));
    if (!same(utf8(canonical(content)), bytes)) throw new Failed("record", "not canonical (RFC 8785)");
  } catch (error) {
    throw error instanceof Failed ? error : new Failed("record", "not JSON");
  }
  if (!content || !FORMATS.includes(content.format)) throw new Failed("record", `not ${FORMATS.join(", ")}`);
  return content;
}

async function readKeys(bytes) {
  const keys = [];
  for (const line of text(bytes, "key").split(/\r\n|\r|\n/)) {
    const [vkey, first = "0", last = "-"] = line.trim().split(/\s+/);
    if (!vkey || line.startsWith("#")) continue;
    const [, name, id, encoded] = /^([^+]+)\+([^+]*)\+(.*)$/.exec(vkey) || [];
    if (!name) throw new Failed("key", "not name+id+key");
    const key = unbase64(encoded, "key");
    if (key.length !== 33 || key[0] !== 1) throw new Failed("key", "not an Ed25519 key");
    if (hex((await sha256(join(utf8(`${name}\n`), key))).slice(0, 4)) !== id) {
      throw new Failed("key", `its id is not ${id}`);
    }
    const sizes = { first: count(first, "key"), last: last === "-" ? null : count(last, "key") };
    keys.push({ name, id, raw: key.slice(1), ...sizes });
  }
  if (!keys.length) throw new Failed("key", "no key");
  return keys;
}

function readProof(bytes) {
  const cut = bytes.findIndex((byte, at) => byte === 10 && bytes[at + 1] === 10);
  const [header, ...lines] = text(cut < 0 ? bytes : bytes.slice(0, cut), "proof").split("\n");
  if (header !== "c2sp.org/tlog-proof@v1") throw new Failed("proof", "not c2sp.org/tlog-proof@v1");
  if (cut < 0 || cut + 2 === bytes.length) throw new Failed("checkpoint", "missing");
  let extra = null;
  if (lines.length && lines[0].startsWith("extra ")) extra = unbase64(lines.shift().slice(6), "proof");
  const [, index] = /^index (.*)$/.exec(lines.shift() || "") || [];
  if (index === undefined) throw new Failed("proof", "no index");
  const path = lines.map((line) => hash(line, "proof"));
  return { extra, index: count(index, "proof"), path, checkpoint: text(bytes.slice(cut + 2), "checkpoint") };
}

function readCheckpoint(note) {
  const cut = note.lastIndexOf("\n\n");
  if (cut < 0 || !note.endsWith("\n")) throw new Failed("checkpoint", "no signature lines");
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) throw new Failed("checkpoint", "control characters");
  const body = note.slice(0, cut + 1);
  const lines = body.slice(0, -1).split("\n");
  if (lines.length < 3 || lines.some((line) => !line)) throw new Failed("checkpoint", "fewer than three lines");
  const signatures = note.slice(cut + 2, -1).split("\n").map((line) => {
    const [name, encoded] = line.startsWith(DASH) ? line.slice(2).split(/ (.*)/s) : [];
    if (!name || encoded === undefined || /[+\s]/.test(name)) throw new Failed("checkpoint", "a signature line");
    const bytes = unbase64(encoded, "checkpoint");
    if (bytes.length < 5) throw new Failed("checkpoint", "a signature too short");
    return { name, id: hex(bytes.slice(0, 4)), value: bytes.slice(4) };
  });
  if (signatures.length > MAX_SIGNATURES) throw new Failed("checkpoint", "too many signatures");
  const [origin, size, root] = lines;
  return { body, origin, size: count(size, "checkpoint"), root: hash(root, "checkpoint"), signatures };
}

// Throws Failed, and names the key, where no trusted key signed this checkpoint.
async function checkSignature(head, keys) {
  let outside = null;
  for (const key of keys) {
    const lines = head.signatures.filter((one) => one.name === key.name && one.id === key.id);
    if (!lines.length) continue;
    if (head.size < key.first || (key.last !== null && head.size > key.last)) {
      outside = key;
      continue;
    }
    if (head.origin !== key.name) throw new Failed("checkpoint", `of ${head.origin}, not of ${key.name}`);
    const imported = await crypto.subtle.importKey("raw", key.raw, "Ed25519", false, ["verify"]);
    for (const line of lines) {
      if (!(await crypto.subtle.verify("Ed25519", imported, line.value, utf8(head.body)))) {
        throw new Failed("checkpoint", `the signature of ${key.name}`);
      }
    }
    return key;
  }
  if (outside) throw new Failed("key", `not for trees of ${head.size} leaves`);
  throw new Failed("checkpoint", `not signed by ${keys.map((key) => key.name).join(", ")}`);
}

// RFC 9162, section 2.1.3.2
async function leadsToRoot(leaf, index, size, path, root) {
  if (index >= size) return false;
  let [fn, sn, computed] = [index, size - 1n, leaf];
  for (const sibling of path) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      computed = await sha256(join([1], sibling, computed));
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      computed = await sha256(join([1], computed, sibling));
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && same(computed, root);
}

async function check(recordBytes, proofBytes, keyBytes) {
  const keys = await readKeys(keyBytes);
  const content = readRecord(recordBytes);
  const leaf = await leafOf(recordBytes);
  const proof = readProof(proofBytes);
  const head = readCheckpoint(proof.checkpoint);
  const key = await checkSignature(head, keys);
  const { index, path, extra } = proof;
  if (!(await leadsToRoot(leaf, index, head.size, path, head.root))) {
    const whole = extra && !same(extra, leaf) && (await leadsToRoot(extra, index, head.size, path, head.root));
    throw new Failed(whole || !extra ? "other" : "proof", "leaf and path do not lead to the signed root");
  }
  if (extra && !same(extra, leaf)) throw new Failed("proof", "its extra data is not this leaf");
  return { content, index, size: head.size, log: key.name };
}

async function able() {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

// The EPCIS document that a lot's page offers beside the record, for others' software: nothing here is sealed as such.
function isEpcis(bytes) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)).type === "EPCISDocument";
  } catch {
    return false;
  }
}

// What the files are, by their content where their names do not tell; `aside`: pictures and the like, by name.
async function sorted(files) {
  const found = { documents: [], proofs: [], keys: [], aside: [] };
  const reports = [];
  for (const { name, size, ...rest } of files) {
    if (size > MAX_BYTES) {
      found.aside.push(name);
      continue;
    }
    const bytes = await rest.read();
    const start = new TextDecoder().decode(bytes.slice(0, 200));
    if (isEpcis(bytes)) found.aside.push(name);
    else if (name.endsWith(".json") || start.startsWith("{")) found.documents.push({ name, bytes });
    else if (isReport(bytes)) reports.push({ name, bytes });
    else if (name.endsWith(".tlog-proof") || start.startsWith(PROOF)) found.proofs.push({ name, bytes });
    else if (/\.(vkey|keys)$/.test(name) || /^(#.*\n)*[^\s+]+\+[0-9a-f]{8}\+/.test(start)) {
      found.keys.push({ name, bytes });
    } else found.aside.push(name);
  }
  if (!found.documents.length) found.documents = reports; // else they are labels, and the like
  else found.aside.push(...reports.map(({ name }) => name));
  found.keys.sort((a, b) => b.name.endsWith(".vkey") - a.name.endsWith(".vkey"));
  return found;
}

// The proof of a document: that which says so itself, else that with the same name, else the only one.
async function proofOf(file, documents, proofs) {
  const leaf = await leafOf(file.bytes);
  const own = proofs.find((proof) => {
    try {
      return same(readProof(proof.bytes).extra || [], leaf);
    } catch {
      return false;
    }
  });
  const stem = file.name.replace(/\.(json|pdf)$/, "");
  const only = documents.length === 1 && proofs.length === 1 ? proofs[0] : undefined;
  return own || proofs.find((proof) => proof.name === `${stem}.tlog-proof`) || only;
}

function asked(content) {
  const path = `/01/${content.gtin}/10/${content.lot}`;
  const names = [];
  const walk = (value) => {
    if (value === null || typeof value !== "object") return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === "epcClass" && typeof inner === "string") names.push(inner);
      else walk(inner);
    }
  };
  walk(content.epcis);
  const name = names.find((one) => /^https?:/.test(one) && one.includes(path));
  return name ? name.slice(0, name.indexOf(path)) + path : "";
}

const fill = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

// Days and numbers as devices/texts.py writes them.
function day(moment) {
  const [year, month, date] = moment.slice(0, 10).split("-");
  return VIETNAMESE ? `${date}/${month}/${year}` : `${Number(date)} ${MONTHS[month - 1]} ${year}`;
}

function number(value) {
  const [whole, fraction] = String(value).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, VIETNAMESE ? "." : ",");
  return fraction ? `${grouped}${VIETNAMESE ? "," : "."}${fraction}` : grouped;
}

// A moment as clocks stood where `at` was written down, which ends with that place's offset.
function there(moment, at) {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(at) || ["", "+", "0", "0"];
  const ahead = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  return new Date(new Date(moment).getTime() + ahead * 60000).toISOString();
}

function local(moment, at) {
  const clock = there(moment, at);
  const seconds = clock.slice(16, 19);
  return `${day(clock)} ${clock.slice(11, 16)}${seconds === ":00" ? "" : seconds}`;
}

function value(name, one, at) {
  if (one === undefined || one === null) return "–";
  if (name === "ts") return local(one, at);
  if (typeof one === "number") return number(one);
  return (["purpose", "level"].includes(name) && words[`form.choice_${one}`]) || String(one);
}

function changes({ before, after }, at) {
  const names = Object.keys({ ...before, ...after });
  const changed = names.filter((name) => canonical(before[name] ?? null) !== canonical(after[name] ?? null));
  return changed.map((name) => {
    const field = words[name === "ts" ? "form.when" : `form.${name}`] || name;
    return `${field} ${value(name, before[name], at)} → ${value(name, after[name], at)}`;
  }).join("; ");
}

function sentences({ event, correction, breaks, lots, epcis }) {
  const at = epcis.creationDate;
  const values = { ...event, day: day(at) };
  if ("quantity_kg" in event) values.kilograms = number(event.quantity_kg);
  values.lots = lots.map((lot) => `${lot.lot} (${number(lot.quantity_kg)} kg)`).join(", ");
  if (event.event === "revocation") return [fill("recalled", values)];
  if (event.event !== "correction") {
    const said = [fill(event.event, { ...values, days: event.pre_harvest_days })];
    if (breaks) said.push(fill("breaks", { reason: words[`lot.${breaks}`] }));
    return said;
  }
  const said = [fill("corrected", { ...values, changes: changes(correction, at) })];
  if (correction.breaks) said.push(fill("breaks", { reason: words[`lot.${correction.breaks}`] }));
  return said;
}

// The record among the files and the entries after it, each verified; throws Failed, which names the file.
async function whole(files, keyFile) {
  const { documents, proofs, keys, aside } = await sorted(files);
  const key = keyFile ? await keyFile.read() : keys.length ? keys[0].bytes : null;
  if (!documents.length || !proofs.length || !key) throw new Failed("missing", "");
  const read = [];
  for (const file of documents) {
    const named = (error) => Object.assign(error, { file: documents.length > 1 ? file.name : "" });
    let found;
    try {
      const content = readRecord(file.bytes);
      const proof = await proofOf(file, documents, proofs);
      if (!proof) throw new Failed("no_proof", "");
      const other = proof.name.split(".")[0];
      try {
        found = await check(file.bytes, proof.bytes, key);
      } catch (error) {
        if (error.part !== "other") throw error;
        if (content.format === REPORT) error.sentence = words.other_report;
        else if (/^[A-Z0-9-]{1,20}$/.test(other) && other !== content.lot) {
          error.sentence = fill("other_lot", { other, lot: content.lot });
        }
        throw error;
      }
    } catch (error) {
      throw error instanceof Failed ? named(error) : error;
    }
    read.push({ file, ...found });
  }
  const records = read.filter(({ content }) => content.format !== FORMATS[1]);
  if (records.length > 1) throw new Failed("two_records", "");
  const entries = read.filter((one) => one !== records[0]).sort((a, b) => Number(a.index - b.index));
  if (!records.length && entries.length > 1) throw new Failed("missing", "");
  const own = records.length ? hex(await sha256(records[0].file.bytes)) : "";
  for (const { content, file } of records.length ? entries : []) {
    if (content.of.sha256 !== own) throw Object.assign(new Failed("later_other", ""), { file: file.name });
  }
  return { found: records[0] || entries[0], later: entries.map((one) => one.content), aside, beside: !keyFile };
}

// The entries that were corrected, by id, and when a lot was harvested, both as last corrected: story.py says the same.
const held = (later) => new Map(later.filter((one) => one.correction).map(({ correction: { after } }) => [after.id, after]));
function harvested({ events, times }, later) {
  const isHarvest = ({ event }) => event === "harvest";
  const mended = [...held(later).values()].filter(isHarvest);
  if (!mended.length) return times.harvested;
  const rows = events.rows.filter((row) => isHarvest(row) && !mended.some(({ id }) => id === row.id));
  const others = rows.map(({ ts }) => (Date.parse(ts) > Date.parse(times.harvested) ? times.harvested : ts));
  return [...mended.map(({ ts }) => ts), ...others].reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b));
}

// Days that cannot be, of records sealed by earlier versions: story.py says the same.
function doubts(content, later) {
  if (!content.times || content.simulated) return [];
  const said = [];
  const zone = content.times.harvested;  // of the village, as the record writes it
  const at = harvested(content, later);
  const mended = held(later);
  const harvestDay = there(at, zone);
  const tomorrow = there(new Date(Date.now() + 86400000), zone).slice(0, 10);
  if (harvestDay.slice(0, 10) > tomorrow) said.push(fill("doubt_future", { day: day(harvestDay) }));
  if (harvestDay.slice(0, 10) < "2000-01-01") said.push(fill("doubt_past", { day: day(harvestDay) }));
  for (const { event } of later) {
    const { ts } = mended.get(event.id) || event;
    if (["correction", "input"].includes(event.event) || new Date(ts) >= new Date(at)) continue;
    said.push(fill("doubt_order", { event: words[`event.${event.event}`], day: day(there(ts, zone)) }));
  }
  return said;
}

// What of a record or an entry is not real: story.py says the same.
function invented(content) {
  const { devices, devices_simulated: simulated } = content.conditions || {};
  const said = ["simulated", "fictional"].filter((key) => content[key]).map((key) => words[key]);
  return simulated ? [...said, fill("devices_simulated", { devices, simulated })] : said;
}

// Rows to show and how they look: bad where the lot was recalled, note where something was corrected.
function story({ content, index, size, log }, later) {
  if (content.format === REPORT) {
    return { kind: "good", rows: [`✓ ${fill("report", { index, size, log })}`] };
  }
  const of = (kind) => later.filter((one) => one.event.event === kind);
  const recalls = of("revocation");
  const rest = later.filter((one) => !recalls.includes(one)).flatMap(sentences);
  const rows = recalls.flatMap(sentences).map((sentence) => `✗ ${sentence}`);
  const corrected = of("correction").length > 0;
  const doubtful = doubts(content, later);
  const last = later.filter((one) => one.correction || one.breaks).pop();
  const broken = last && (last.correction ? last.correction.breaks : last.breaks);
  rows.push(...doubtful.map((sentence) => `✗ ${sentence}`));
  rows.push(recalls.length || doubtful.length || broken ? words.as_sealed : `✓ ${corrected ? words.good_corrected : words.good}`);
  rows.push(...invented(content), `${words.lot}: ${content.lot} (GTIN ${content.gtin})`, ...rest);
  if (content.product) {
    rows.push(`${words.product}: ${content.product.name[LANGUAGE]}`);
    rows.push(`${words.producer}: ${content.producer.name}, ${content.producer.address}`);
    rows.push(`${words.harvested}: ${local(content.times.harvested, content.times.harvested)}`);
    const { scope, daily } = content.conditions;
    if (Object.keys(daily).length) rows.push(words[`scope_${scope}`]);
  }
  const ask = fill(later.length ? "later_some" : "later_none", { number: later.length });
  rows.push(`${ask} ${asked(content)}`.trim(), `${words.place}: ${index} / ${size}, ${log}`);
  return { kind: recalls.length || doubtful.length || broken ? "bad" : corrected ? "note" : "good", rows };
}

// An answer stands only as long as the files that it is about are chosen.
let turn = 0;
function forget() {
  document.getElementById("answer").className = "";
  document.getElementById("answer").replaceChildren();
  return (turn += 1);
}

// A file may be changed, moved or on a stick that is gone since it was chosen.
async function bytesOf(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw Object.assign(new Failed("unreadable", ""), { file: file.name });
  }
}

document.getElementById("form").addEventListener("change", forget);
document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const mine = forget();
  const answer = document.getElementById("answer");
  const say = (kind, sentence, detail = "") => {
    if (mine !== turn) return;
    const [head, ...rest] = sentence.split("\n");
    const strong = document.createElement("strong");
    const english = document.createElement("span");
    const [before, after] = words.detail.split("{error}");
    english.lang = "en";
    english.textContent = detail;
    strong.append(head, ...(detail ? [` ${before}`, english, after] : []));
    answer.className = kind;
    answer.replaceChildren(strong, ...rest.map((row) => `\n${row}`));
  };
  const chosen = (id) => Array.from(document.getElementById(id).files, (file) => ({
    name: file.name, size: file.size, read: () => bytesOf(file),
  }));
  if (!(await able())) return say("bad", words.unable);
  try {
    const { found, later, aside, beside } = await whole(chosen("files"), chosen("key")[0]);
    const { kind, rows } = story(found, later);
    const told = [beside && words.key_beside, aside.length && fill("aside", { files: aside.join(", ") })];
    rows.splice(Math.max(1, rows.length - 1), 0, ...told.filter(Boolean));
    say(kind, rows.map(plain).join("\n"));
  } catch (error) {
    const known = error instanceof Failed;
    if (["missing", "two_records"].includes(error.part)) return say("bad", words[error.part]);
    const why = known ? error.sentence || words[error.part] : words.failed;
    say("bad", plain(`✗ ${words.bad}: ${error.file ? `${error.file}: ` : ""}${why}`), plain(error.message || ""));
    if (!known) throw error;
  }
});

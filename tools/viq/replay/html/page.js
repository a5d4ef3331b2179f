"use strict";
/* Draws what `viq replay --html` has counted; counts nothing itself. Text from captures only ever becomes text nodes. */

const { captures } = JSON.parse(document.getElementById("data").textContent);
const letters = ["A", "B"], two = captures.length > 1;
const main = document.getElementById("main");
const entry = captures.every((c) => c.log.entry === "descriptor") ? "descriptor" : "command";
const { clocked, width, bins } = captures[0].log; /* the time line is one for all captures */

/* --- Small things */

const NS = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes))
		if (name.startsWith("on"))
			node.addEventListener(name.slice(2), value);
		else
			node.setAttribute(name, value);
	node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined));
	return node;
}
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(NS, tag), attributes, children);

const count = (n) => n.toLocaleString("en-US");
const many = (n, one) => `${count(n)} ${one}${n === 1 ? "" : "s"}`;
const sum = (list) => list.reduce((a, b) => a + b, 0);

function duration(ns) {
	for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]])
		if (ns >= size)
			return `${(ns / size).toPrecision(3)}\u00a0${unit}`;
	return `${+ns.toPrecision(3)}\u00a0ns`;
}
const where = (at) => clocked ? duration(at) : count(at);
const badge = (i) => two ? el("span", { class: `badge ${letters[i]}` }, letters[i]) : null;
const name = (c) => String(c.report.capture || "capture").split("/").pop();

function section(title, ...children) {
	const id = title.toLowerCase().replace(/[^a-z]+/g, "-");
	const node = el("section", { "aria-labelledby": id }, el("h2", { id }, title), ...children);
	main.append(node);
	return node;
}

/* --- What it was, and the numbers */

function verdict({ report, log }) {
	const w = report.witnesses, wait = report.iommu === "vtd" ? "wait descriptor" : "CMD_SYNC";
	if (w && w.stale)
		return ["bad", `STALE: devices still used ${many(w.stale, "translation")} after a completed ${wait}.`];
	if (report.stopped)
		return ["bad", "The guest's driver, or the VMM, gave up: the rest of the capture was not replayed."];
	if (report.error_count)
		return ["warn", `The guest saw ${many(report.error_count, "error")}. Nothing stale was left.`];
	if (report.wait_count)
		return ["warn", `The queue waited for its host ${many(report.wait_count, "time")}. Nothing stale was left.`];
	if (!w)
		return ["plain", `All ${log.entry}s were consumed. The null host has no devices: nothing was watched.`];
	if (!w.checked)
		return ["plain", "No errors. Nothing that devices could hold was invalidated."];
	return ["good", `All ${count(w.checked)} translations that devices had used were gone after the ${wait} that followed.`];
}

function introduction(c, i) {
	const { report: r, log } = c, [kind, text] = verdict(c);
	const host = r.host.kind === "soft" ? "a software IOMMU" : "the null host";
	const contract = r.host.contract && r.host.contract !== "exact" ? ` that reports failures like ${r.host.contract}` : "";
	const failing = r.inject ? ` Made to fail: ${log.entry} ${count(r.inject.number)} (${r.inject.kind}).` : "";
	return el("div", { class: "capture" },
		el("h2", {}, badge(i), name(c)),
		r.note ? el("p", {}, r.note) : null,
		el("p", { class: "soft" }, `${r.iommu === "vtd" ? "VT-d" : "SMMUv3"}: ${many(r.commands, log.entry)}` +
			(r.missing ? ` and ${count(r.missing)} not recorded` : "") + `, replayed on ${host}${contract}.${failing}`),
		el("p", { class: `verdict ${kind}`, role: "status" }, text));
}
document.getElementById("captures").append(el("div", { class: "pair" }, captures.map(introduction)));
document.title = `viq replay: ${captures.map(name).join(" and ")}`;

/* Key in the JSON of the report, words, format. */
const METRICS = [
	["commands", `${entry}s recorded`, count],
	["doorbells", "doorbells", count],
	["host.host_calls", "host calls", count],
	["host.entries_per_call", "entries per call", (n) => n.toFixed(1)],
	["time.doorbell_median_ns", "doorbell, median", duration],
	["time.doorbell_p90_ns", "doorbell, p90", duration],
	["time.doorbell_p99_ns", "doorbell, p99", duration],
	["time.doorbell_max_ns", "doorbell, slowest", duration],
	["time.total_ns", "all doorbells", duration],
	["witnesses.checked", "translations looked at", count],
	["witnesses.stale", "of these stale", count],
	["error_count", "errors that the guest saw", count],
	["wait_count", "waits for the host", count],
];

function change(from, to) {
	if (typeof from !== "number" || typeof to !== "number" || from === to)
		return null;
	const text = from ? `${to > from ? "+" : "−"}${count(+(100 * Math.abs(to - from) / from).toPrecision(2))} %` : "new";
	return el("small", {}, from && to / from >= 10 ? `× ${count(+(to / from).toPrecision(2))}` : text);
}

function tile([key, words, format]) {
	const values = captures.map((c) => key.split(".").reduce((o, k) => o && o[k], c.report));
	if (values.every((v) => v === undefined))
		return null;
	return el("div", { class: "tile" }, el("dt", {}, words), values.map((v, i) =>
		el("dd", { "data-metric": key, "data-capture": i, "data-value": String(v) }, badge(i),
			v === undefined ? "–" : format(v), i ? change(values[0], v) : null)));
}
section("In numbers", el("dl", { class: "tiles" }, METRICS.map(tile)));

/* --- Charts: bars that can be asked, by pointer or arrow keys, and are there as a table too */

const MARGIN = { left: 46, right: 12, top: 18, bottom: 34 };

function ticks(max, least = 0, parts = 4) {
	const rough = max / parts, power = 10 ** Math.floor(Math.log10(rough || 1));
	const step = Math.max([1, 2, 5, 10].find((m) => m * power >= rough) * power, least);
	return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
}

function asTable(head, rows) {
	const details = el("details", {}, el("summary", {}, "As a table"));
	details.addEventListener("toggle", () => {
		if (details.open && !details.querySelector("table"))
			details.append(el("div", { class: "scroll" }, table(head, rows())));
	});
	return details;
}

function table(head, rows) {
	return el("table", {}, el("thead", {}, el("tr", {}, head.map((h, i) => el("th", { scope: "col", class: i ? "n" : "" }, h)))),
		el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, i) => el("td", { class: i ? "n" : "" }, cell))))));
}

/* chart: {label, slots, draw(frame), say(slot), height, maximum, head, rows()} */
function figure(i, chart) {
	const plot = el("div"), caption = el("figcaption", {}, chart.hint || "");
	let at = -1, shown = 0, cursor;

	function select(slot, frame) {
		at = Math.max(0, Math.min(chart.slots - 1, slot));
		cursor.setAttribute("x", frame.x(at));
		cursor.setAttribute("width", Math.max(frame.x(at + 1) - frame.x(at), 1));
		plot.firstChild.setAttribute("aria-valuenow", at);
		plot.firstChild.setAttribute("aria-valuetext", chart.say(at));
		caption.textContent = chart.say(at);
	}

	function draw() {
		const wide = Math.max(plot.clientWidth, 240), high = chart.height || 220;
		const inner = { wide: wide - MARGIN.left - MARGIN.right, high: high - MARGIN.top - MARGIN.bottom };
		const frame = { wide, high, inner, x: (slot) => MARGIN.left + slot / chart.slots * inner.wide,
			y: (value) => MARGIN.top + inner.high * (1 - value / (chart.maximum || 1)), base: MARGIN.top + inner.high };
		const image = svg("svg", { viewBox: `0 0 ${wide} ${high}`, role: "slider", tabindex: 0, "aria-label": chart.label,
			"aria-valuemin": 0, "aria-valuemax": chart.slots - 1, "aria-valuenow": 0, "aria-valuetext": chart.hint || chart.label });
		if (plot.clientWidth === shown)
			return;
		shown = plot.clientWidth;
		if (chart.maximum)
			for (const value of ticks(chart.maximum, 1))
				image.append(svg("line", { class: "grid", x1: MARGIN.left, x2: wide - MARGIN.right, y1: frame.y(value), y2: frame.y(value) }),
					svg("text", { x: MARGIN.left - 6, y: frame.y(value) + 4, "text-anchor": "end" },
						count(value) + (chart.unit || "")));
		image.append(...chart.draw(frame).flat(Infinity),
			svg("line", { class: "axis", x1: MARGIN.left, x2: wide - MARGIN.right, y1: frame.base, y2: frame.base }));
		cursor = svg("rect", { class: "cursor", y: MARGIN.top, height: inner.high, x: 0, width: 0 });
		image.append(cursor);
		image.addEventListener("pointermove", (event) => {
			const box = image.getBoundingClientRect(), x = (event.clientX - box.left) * wide / box.width;
			select(Math.floor((x - MARGIN.left) / inner.wide * chart.slots), frame);
		});
		image.addEventListener("keydown", (event) => {
			const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, PageUp: at + 10, PageDown: at - 10,
				Home: 0, End: chart.slots - 1 }[event.key];
			if (to !== undefined) {
				event.preventDefault();
				select(to, frame);
			}
		});
		plot.replaceChildren(image);
	}
	new ResizeObserver(draw).observe(plot);
	return el("figure", {}, two ? el("h3", {}, badge(i), name(captures[i])) : null, plot, caption,
		asTable(chart.head, chart.rows));
}
const pair = (make) => el("div", { class: "pair" }, captures.map((c, i) => figure(i, make(c, i))));

function timeAxis(frame) {
	return [ticks(bins * width, 0, frame.inner.wide < 420 ? 3 : 6).map((at) =>
		svg("text", { x: frame.x(at / width), y: frame.base + 15, "text-anchor": !at ? "start" : frame.x(at / width) > frame.wide - 40 ? "end" : "middle" },
			where(at))),
		svg("text", { x: frame.wide - MARGIN.right, y: frame.base + 30, "text-anchor": "end" },
			clocked ? "time of the recording" : `${entry} number: the recording has no times`)];
}
const slotRange = (slot) => `${where(slot * width)} to ${where((slot + 1) * width - (clocked ? 0 : 1))}`;

/* --- Commands over time */

const totals = new Map();
for (const c of captures)
	for (const [kind, list] of Object.entries(c.log.kinds))
		totals.set(kind, (totals.get(kind) || 0) + sum(list));
const kinds = [...totals.keys()].sort((a, b) => totals.get(b) - totals.get(a));
const colour = (kind) => `k${Math.min(kinds.indexOf(kind), 7)}`;
const stack = (c) => kinds.filter((k) => c.log.kinds[k]).map((k) => [k, c.log.kinds[k]]);
const highest = Math.max(1, ...captures.flatMap((c) => Array.from({ length: bins }, (_, b) => sum(stack(c).map(([, list]) => list[b])))));

section(clocked ? `${entry[0].toUpperCase()}${entry.slice(1)}s over time` : `${entry[0].toUpperCase()}${entry.slice(1)}s in their order`,
	el("p", { class: "soft" }, clocked ? `Each bar is ${duration(width)} of the recording.`
		: `The recording has no times, so each bar is ${many(width, entry)}, in the order in which the guest queued them.`),
	el("ul", { class: "legend" }, kinds.slice(0, 7).map((k) => el("li", {}, el("i", { class: colour(k) }), `${k} ${count(totals.get(k))}`)),
		kinds.length > 7 ? el("li", {}, el("i", { class: "k7" }), `other ${count(sum(kinds.slice(7).map((k) => totals.get(k))))}`) : null),
	pair((c) => ({
		label: `${c.log.entry}s over time`, slots: bins, maximum: highest, hint: "Point at a bar, or use the arrow keys.",
		draw: (frame) => [timeAxis(frame), Array.from({ length: bins }, (_, b) => {
			let below = 0;
			return stack(c).filter(([, list]) => list[b]).map(([kind, list]) => {
				below += list[b];
				return svg("rect", { class: colour(kind), x: frame.x(b), width: Math.max(frame.inner.wide / bins - .5, .5), y: frame.y(below),
					height: frame.y(below - list[b]) - frame.y(below) });
			});
		})],
		say: (b) => `${slotRange(b)}: ` + (stack(c).filter(([, list]) => list[b]).map(([k, list]) => `${k} ${count(list[b])}`).join(", ") || "nothing"),
		head: ["from", ...stack(c).map(([k]) => k)],
		rows: () => Array.from({ length: bins }, (_, b) => [where(b * width), ...stack(c).map(([, list]) => count(list[b]))]),
	})));

/* --- Latencies */

/* Bins are quarters of octaves. */
const edge = (b) => 2 ** (b >> 2) * (1 + (b & 3) / 4);
/* Two captures may differ in length: then their bars are shares, on the same scale. */
const bar = (c, key, b) => two ? 100 * c.log[key][b] / sum(c.log[key]) : c.log[key][b];
const tallest = (key) => Math.max(...captures.flatMap((c) => c.log[key].map((n, b) => n ? bar(c, key, b) : 0)));
const rise = (frame, value) => ({ y: Math.min(frame.y(value), frame.base - 1.5), height: Math.max(frame.base - frame.y(value), 1.5) });
const shared = two ? { unit: " %" } : {};
const filled = (key) => captures.flatMap((c) => c.log[key].flatMap((n, b) => n ? [b] : []));
const times = filled("latencies"), firstTime = Math.min(...times) & ~3, lastTime = (Math.max(...times) | 3) + 1;

section("How long a doorbell took",
	el("p", { class: "soft" }, "From the guest's write of the register until all that it made visible was done, the host's work included; doorbells that did something. " +
		"The scale of times is logarithmic." + (two ? " Bars are shares of each capture's doorbells." : "")),
	times.length ? pair((c, i) => ({
		label: "doorbells by their time", slots: lastTime - firstTime, hint: "Point at a bar, or use the arrow keys.",
		maximum: tallest("latencies"), ...shared,
		draw: (frame) => {
			const place = (ns) => {
				const octave = Math.floor(Math.log2(Math.max(ns, 1)));
				return frame.x(Math.min(4 * octave + 4 * (ns / 2 ** octave - 1), lastTime) - firstTime);
			};
			const labels = [], step = Math.ceil((lastTime - firstTime) / 4 * 62 / frame.inner.wide);
			for (let b = firstTime; b <= lastTime; b += 4 * step)
				labels.push(svg("text", { x: frame.x(b - firstTime), y: frame.base + 15, "text-anchor": b + 4 * step > lastTime ? "end" : "middle" },
					duration(edge(b))));
			const t = c.report.time;
			const marks = [["median", t.doorbell_median_ns], ["p90", t.doorbell_p90_ns], ["p99", t.doorbell_p99_ns], ["max", t.doorbell_max_ns]];
			let before = -Infinity, row = 0;
			return [labels, c.log.latencies.slice(firstTime, lastTime).map((n, b) => n ? svg("rect", { class: `bar ${letters[i]}`,
				x: frame.x(b) + .5, width: Math.max(frame.x(1) - frame.x(0) - 1, 1), ...rise(frame, bar(c, "latencies", firstTime + b)) }) : []),
			marks.map(([words, ns]) => {
				const x = place(ns);
				row = x - before < 46 ? row + 1 : 0;
				before = x;
				return [svg("line", { class: "mark", x1: x, x2: x, y1: MARGIN.top - 6 + 13 * row, y2: frame.base }),
					svg("text", { class: "mark-text", x: x > frame.wide - 50 ? x - 3 : x + 3, y: MARGIN.top - 3 + 13 * row,
						"text-anchor": x > frame.wide - 50 ? "end" : "start" }, words)];
			})];
		},
		say: (b) => `${duration(edge(b + firstTime))} to ${duration(edge(b + firstTime + 1))}: ${many(c.log.latencies[b + firstTime], "doorbell")}`,
		head: ["from", "to", "doorbells"],
		rows: () => c.log.latencies.flatMap((n, b) => n ? [[duration(edge(b)), duration(edge(b + 1)), count(n)]] : []),
	})) : el("p", {}, "No doorbell did anything."));

/* --- Entries per call */

const calls = filled("per_call"), lastCall = Math.max(0, ...calls) + 1;
const callRange = (b) => b ? `${count(2 ** b)}–${count(2 ** (b + 1) - 1)}` : "1";

section("Entries in a host call",
	el("p", { class: "soft" }, "How many invalidations the host IOMMU got at a time: the more, the fewer system calls a guest costs." +
		(two ? " Bars are shares of each capture's calls." : "")),
	calls.length ? pair((c, i) => ({
		label: "host calls by their entries", slots: lastCall, height: 180, hint: "Point at a bar, or use the arrow keys.",
		maximum: tallest("per_call"), ...shared,
		draw: (frame) => c.log.per_call.slice(0, lastCall).map((n, b) => {
			const x = frame.x(b + .5), wide = Math.min(frame.x(1) - frame.x(0) - 4, 64);
			return [svg("text", { x, y: frame.base + 15, "text-anchor": "middle" }, lastCall > 8 && frame.inner.wide < 420 ? count(2 ** b) : callRange(b)),
				n ? svg("rect", { class: `bar ${letters[i]}`, x: x - wide / 2, width: wide, ...rise(frame, bar(c, "per_call", b)) }) : []];
		}),
		say: (b) => `${callRange(b)} ${b ? "entries" : "entry"}: ${many(c.log.per_call[b], "call")}`,
		head: ["entries", "calls"],
		rows: () => c.log.per_call.slice(0, lastCall).map((n, b) => [callRange(b), count(n)]),
	})) : el("p", {}, "No host was called."));

/* --- Errors */

const errorNames = [...new Set(captures.flatMap((c) => Object.keys(c.log.errors.bins)))];

function errorTable(c) {
	const list = c.log.errors.list, all = c.report.error_count + c.report.wait_count;
	return el("div", {}, el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ["number", "what", "what stood there", "the guest's driver"]
		.map((h, i) => el("th", { scope: "col", class: i ? "" : "n" }, h)))), el("tbody", {}, list.map((e, i) => {
		const r = c.report.errors[i];
		return el("tr", {}, el("td", { class: "n" }, count(r.number)), el("td", {}, r.waited ? `wait: ${r.error}` : r.error), el("td", { class: "text" }, e.text),
			el("td", {}, e.answer));
	})))), all > list.length ? el("p", { class: "soft" }, `And ${count(all - list.length)} more.`) : null);
}

section("Errors on the time line", errorNames.length ? [pair((c) => {
	const lanes = errorNames, all = (b) => lanes.filter((n) => c.log.errors.bins[n] && c.log.errors.bins[n][b]);
	return {
		label: "errors over time", slots: bins, height: MARGIN.top + MARGIN.bottom + 30 * lanes.length, hint: "Point at a mark, or use the arrow keys.",
		draw: (frame) => [timeAxis(frame), lanes.map((lane, row) => [
			svg("line", { class: "grid", x1: MARGIN.left, x2: frame.wide - MARGIN.right, y1: MARGIN.top + 30 * row + 18, y2: MARGIN.top + 30 * row + 18 }),
			svg("text", { x: MARGIN.left, y: MARGIN.top + 30 * row + 5 }, lane),
			(c.log.errors.bins[lane] || []).map((n, b) => n ? svg("circle", { class: "error", cx: frame.x(b + .5), cy: MARGIN.top + 30 * row + 18,
				r: Math.min(3 + Math.log2(n), 9) }) : []),
		])],
		say: (b) => `${slotRange(b)}: ` + (all(b).map((n) => `${n} ${count(c.log.errors.bins[n][b])}`).join(", ") || "no errors"),
		head: ["from", ...lanes],
		rows: () => Array.from({ length: bins }, (_, b) => b).filter((b) => all(b).length)
			.map((b) => [where(b * width), ...lanes.map((n) => count((c.log.errors.bins[n] || [])[b] || 0))]),
	};
}), captures.map((c, i) => c.log.errors.list.length ? [two ? el("h3", {}, badge(i), name(c)) : null, errorTable(c)] : [])]
	: el("p", {}, `The guest saw no error${two ? ", neither in A nor in B" : ""}, and the queue never waited for its host.`));

/* --- Costs */

const subjects = new Map();
captures.forEach((c, i) => c.log.costs.forEach(([subject, ...numbers]) => {
	if (!subjects.has(subject))
		subjects.set(subject, captures.map(() => null));
	subjects.get(subject)[i] = numbers;
}));
const COLUMNS = [[`${entry}s`, 0, count], ["pages", 1, count], ["without pages", 2, count], ["time", 3, duration]];

function sortable(columns, rows, start) {
	const body = el("tbody"), heads = [];
	let by = start, down = true;
	function show() {
		const sign = down ? -1 : 1;
		const order = (x, y) => typeof x === "string" ? (x < y ? -1 : x > y ? 1 : 0) : (x ?? -1) - (y ?? -1);
		rows.sort((a, b) => sign * order(a[by], b[by]));
		body.replaceChildren(...rows.map((row) => el("tr", {}, row.map((v, i) => el("td", { class: i ? "n" : "" },
			i ? (v === null ? "–" : columns[i].format(v)) : v)))));
		heads.forEach((h, i) => h.setAttribute("aria-sort", i === by ? (down ? "descending" : "ascending") : "none"));
	}
	columns.forEach((column, i) => heads.push(el("th", { scope: "col", class: i ? "n" : "" }, column.badge,
		el("button", { type: "button", onclick: () => { down = i === by ? !down : i > 0; by = i; show(); } }, column.words))));
	show();
	return el("div", { class: "scroll" }, el("table", { id: "costs" }, el("thead", {}, el("tr", {}, heads)), body));
}
const costColumns = [{ words: "what" }].concat(COLUMNS.flatMap(([words, , format]) => captures.map((_, i) => ({ words, format, badge: badge(i) }))));
const costRows = [...subjects].map(([subject, numbers]) => [subject, ...COLUMNS.flatMap(([, at]) => numbers.map((n) => n && n[at]))]);
const leftOut = captures.map((c, i) => [c.log.subjects - c.log.costs.length, two ? ` of ${letters[i]}` : ""]).filter(([n]) => n > 0);

section("What cost most",
	el("p", { class: "soft" }, `A doorbell's time is shared alike by those of its ${entry}s that invalidate something. Those without pages invalidate all that there is.` +
		(leftOut.length ? ` Left out, because they cost less: ${leftOut.map(([n, of]) => count(n) + of).join(", ")}.` : "")),
	costRows.length ? sortable(costColumns, costRows, costColumns.length - captures.length) : el("p", {}, "Nothing was invalidated."));

/* --- The list */

const PAGE = 100;
const search = el("input", { type: "search", id: "search", placeholder: "ASID=0x5, 0xffffd000, #1234" });
const only = el("select", { id: "kind" }, el("option", { value: "" }, "all kinds"), kinds.map((k) => el("option", { value: k }, k)));
const which = el("select", { id: "which" }, captures.map((c, i) => el("option", { value: i }, `${letters[i]}: ${name(c)}`)));
const back = el("button", { type: "button" }, "Back"), next = el("button", { type: "button" }, "Next");
const said = el("p", { id: "found", class: "soft", role: "status" }), list = el("tbody", { id: "list" });
let found = [], at = 0;

/* What the decoder marks with an exclamation mark stands out. */
const marked = (text) => text.split(/(!\([^)]*\)|!\S+)/).map((part, i) => i % 2 ? el("span", { class: "wrong" }, part) : part);

const kindOf = (text) => text.replace(/^!/, "").split(" ", 1)[0];

function show() {
	const { log } = captures[+which.value];
	list.replaceChildren(...found.slice(at, at + PAGE).map(([number, doorbell, text]) => {
		const d = log.doorbells[doorbell];
		return el("tr", {}, el("td", { class: "n" }, count(number)), el("td", { class: "text" }, marked(text)), el("td", { class: "n" }, count(doorbell)),
			clocked ? el("td", { class: "n" }, d ? duration(d[0]) : "–") : null, el("td", { class: "n" }, d ? duration(d[1]) : "–"));
	}));
	said.textContent = (found.length ? `${count(at + 1)} to ${count(Math.min(at + PAGE, found.length))} of ${count(found.length)} that match` : "None matches") +
		`; ${log.rows.length < log.row_count ? `the page has the first ${count(log.rows.length)} of ${many(log.row_count, log.entry)}` : `all ${many(log.row_count, log.entry)} are here`}.`;
	back.disabled = !at;
	next.disabled = at + PAGE >= found.length;
}

function filter() {
	const words = search.value.trim().toLowerCase(), number = /^#\d+$/.test(words) ? +words.slice(1) : null;
	found = captures[+which.value].log.rows.filter((row) => (!only.value || kindOf(row[2]) === only.value) &&
		(number === null ? row[2].toLowerCase().includes(words) : row[0] === number));
	at = 0;
	show();
}
search.addEventListener("input", filter);
only.addEventListener("change", filter);
which.addEventListener("change", filter);
back.addEventListener("click", () => { at -= PAGE; show(); });
next.addEventListener("click", () => { at += PAGE; show(); });

section(`All ${entry}s`,
	el("div", { class: "tools" }, two ? el("label", {}, "Capture ", which) : null, el("label", { for: "search" }, "Search"), search, el("label", {}, "Kind ", only), back, next),
	said,
	el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, [["number", "n"], [entry, ""], ["doorbell", "n"], ...(clocked ? [["at", "n"]] : []),
		["doorbell took", "n"]]
		.map(([words, kind]) => el("th", { scope: "col", class: kind }, words)))), list)));
filter();

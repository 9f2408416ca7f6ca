/*
 * What the page is drawn with: elements that are kept and touched only where they
 * differ, words and numbers, and the lines of the last ten minutes. Whatever comes
 * from the node becomes text, never markup.
 */
"use strict";

let page = null;  /* the newest answer to page.json */
let lines = null; /* the last ten minutes, see Lines */

/* -- the document ------------------------------------------------------- */

const $ = (id) => document.getElementById(id);

function el(tag, classes, ...children) {
	const node = document.createElement(tag);
	if (classes)
		node.className = classes;
	node.append(...children);
	return node;
}

/* The text of an element that has nothing else; touched only where it differs. */
function put(node, text) {
	if (node.told !== text) {
		node.told = text;
		node.textContent = text;
	}
	return node;
}

/* The same, with `commands` set apart. */
function putSentence(node, text) {
	if (node.told === text)
		return;
	node.told = text;
	node.replaceChildren(...text.split("`").map((part, i) =>
		i % 2 ? el("code", "", part) : part));
}

function mark(node, name, value) {
	if (value === null || value === undefined || value === false)
		node.removeAttribute(name);
	else if (node.getAttribute(name) !== String(value))
		node.setAttribute(name, value);
}

const hide = (node, hidden) => mark(node, "hidden", hidden ? "" : null);

/*
 * One element for each item, kept from draw to draw by its key, in the order of
 * the items, behind what is `fixed`. What goes is removed first, and what went down
 * moves alone: so the others, and the focus in them, stay where they are.
 */
function keep(parent, items, keyOf, make, show) {
	const had = parent.kept ?? new Map(), now = new Map();
	for (const item of items) {
		let key = keyOf(item);
		while (now.has(key))
			key += "'";
		now.set(key, item);
	}
	for (const [key, node] of had)
		if (!now.has(key)) {
			node.remove();
			had.delete(key);
		}
	let at = parent.fixed ? parent.fixed.nextElementSibling : parent.firstElementChild;
	for (const [key, item] of now) {
		const node = had.get(key) ?? make(item);
		if (at && node !== at && node === at.nextElementSibling) {
			parent.append(at);
			at = node;
		}
		if (node === at)
			at = at.nextElementSibling;
		else
			parent.insertBefore(node, at);
		now.set(key, node);
		show(node, item);
	}
	parent.kept = now;
}

/* -- words -------------------------------------------------------------- */

const two = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const inDay = new Intl.DateTimeFormat("en-GB", two);
const inYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short",
	hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

const now = () => Date.parse(page.status.time);
const clock = (iso) => (Number.isNaN(Date.parse(iso)) ? iso : inDay.format(new Date(iso)));

/* The day is told of what is not of the last hours. */
function when(iso) {
	const at = new Date(iso);
	if (Number.isNaN(at.getTime()))
		return iso;
	return Math.abs(now() - at) < 12 * 3600e3 ? inDay.format(at) : inYear.format(at);
}

function span(ms) {
	const s = Math.max(0, Math.round(ms / 1000));
	const parts = (a, x, b, y) => (b ? `${a} ${x} ${b} ${y}` : `${a} ${x}`);
	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min`;
	if (s < 86400)
		return parts(Math.floor(s / 3600), "h", Math.floor(s % 3600 / 60), "min");
	return parts(Math.floor(s / 86400), "d", Math.floor(s % 86400 / 3600), "h");
}

const since = (iso) => (iso ? `since ${when(iso)}` : "");
const age = (iso) => (Number.isNaN(Date.parse(iso)) ? "" : span(now() - Date.parse(iso)));
const grouped = new Intl.NumberFormat("en-US");
const count = (n) => (Number.isFinite(n) ? grouped.format(n) : "");
const rate = (n) => (Number.isFinite(n) ? (n > 0 && n < 10 ? n.toFixed(1) : count(Math.round(n))) : "");

/* Number and unit, as `hapair status` has them. */
function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let u = 0;
	if (!Number.isFinite(n))
		return ["", ""];
	for (; n >= 1024 && u + 1 < units.length; u++)
		n /= 1024;
	return [u && n < 10 ? n.toFixed(1) : Math.round(n).toString(), units[u]];
}

const plural = (n, one) => `${count(n)} ${one}${n === 1 ? "" : "s"}`;
const sum = (list, of) => list.reduce((all, one) => all + (of(one) || 0), 0);

/* ".cluster.example.com", where every server's name ends with it: not worth a column. */
function sharedDomain(servers) {
	let shared = null;
	for (const { name } of servers) {
		if (/^[\d.:]*$/.test(name))
			return "";
		shared ??= name.includes(".", 1) ? name.slice(name.indexOf(".", 1)) : "";
		while (shared && !(name.length > shared.length && name.endsWith(shared)))
			shared = shared.includes(".", 1) ? shared.slice(shared.indexOf(".", 1)) : "";
	}
	return shared ?? "";
}

/* -- the last ten minutes ----------------------------------------------- */

const KINDS = ["active", "new", "in", "out"];

/* What /history.json told, continued with the samples of each page.json. */
class Lines {
	constructor(told, node) {
		this.node = node;
		this.sample = told.sample;
		this.most = told.samples_max;
		this.services = new Map();
		this.servers = new Map();
		for (const service of told.services) {
			this.services.set(service.name, service);
			for (const server of service.servers)
				this.servers.set(`${service.name}/${server.name}`, server);
		}
		this.addUp();
	}

	append({ sample, rates }) {
		this.sample = sample;
		for (const service of rates) {
			this.add(this.services, service.name, service);
			for (const server of service.servers)
				this.add(this.servers, `${service.name}/${server.name}`, server);
		}
		this.addUp();
	}

	add(lines, name, rate) {
		const line = lines.get(name) ?? Object.fromEntries(KINDS.map((k) => [k, []]));
		for (const kind of KINDS) {
			line[kind].push(rate[kind]);
			if (line[kind].length > this.most)
				line[kind].shift();
		}
		lines.set(name, line);
	}

	/* Both directions of each, and all services. */
	addUp() {
		const services = [...this.services.values()];
		this.all = Object.fromEntries(KINDS.map((kind) => {
			const longest = Math.max(0, ...services.map((line) => line[kind].length));
			const total = Array(longest).fill(0);
			for (const line of services)
				line[kind].forEach((v, i) => { total[i + longest - line[kind].length] += v; });
			return [kind, total];
		}));
		for (const line of [...services, ...this.servers.values()])
			line.both = line.in.map((v, i) => v + line.out[i]);
	}
}

const SVG = "http://www.w3.org/2000/svg";
const HIGH = 20;

function spark() {
	const svg = document.createElementNS(SVG, "svg");
	for (const [name, value] of [["class", "spark"], ["aria-hidden", "true"],
		["preserveAspectRatio", "none"], ["focusable", "false"]])
		svg.setAttribute(name, value);
	for (const name of ["area", "line"]) {
		const path = svg.appendChild(document.createElementNS(SVG, "path"));
		path.setAttribute("class", name);
	}
	return svg;
}

/* The newest value is at the right edge; `top` is what reaches the upper one. */
function plot(svg, values, top) {
	if (svg.values === values && svg.sample === lines?.sample && svg.top === top)
		return;
	Object.assign(svg, { values, top, sample: lines?.sample });
	const wide = (lines?.most ?? 120) - 1, first = wide + 1 - (values?.length ?? 0);
	const points = (values ?? []).map((v, i) =>
		`${first + i} ${(HIGH - 1 - (HIGH - 2) * Math.min(1, v / (top || 1))).toFixed(1)}`);
	const line = points.length > 1 ? `M${points.join("L")}` : "";
	mark(svg, "viewBox", `0 0 ${wide} ${HIGH}`);
	svg.lastChild.setAttribute("d", line);
	svg.firstChild.setAttribute("d", line && `${line}L${wide} ${HIGH}L${first} ${HIGH}Z`);
}

const most = (values) => Math.max(1, ...(values ?? []));

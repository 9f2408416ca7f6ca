/*
 * The table of services and their servers, and the list of events. Trouble comes
 * first; a service that is well shows one row where there are many, and whoever
 * opens or closes one has the last word.
 */
"use strict";

/* With more rows than this, services are closed at first. */
const ROWS_OPEN = 60;
/* With as few of them a wide screen has room for larger ones. */
const ROWS_ROOMY = 24;
/* So many servers that are not well are shown of a closed one. */
const ROWS_CLOSED = 6;
/* A list that fits a screen stays in the file's order. */
const ROWS_SORTED = 12;
const EVENTS_SHOWN = 15;

const opened = new Map(); /* service to what somebody wanted: open or not */
let openAll = null;       /* likewise of all */
let allEvents = false;

const COLUMNS = [["name", "Service, server"], ["is", "State"], ["active", "Connections"],
	["new", "New/s"], ["traffic", "Traffic each second"], ["failed", "Failed"], ["check", "Check"]];

const isTaken = (s) => s.admin === "drain" || s.admin === "maint";
const isWell = (s) => s.state === "up" && !isTaken(s);
const byHand = (s) => isTaken(s) ||
	(s.configured_weight !== undefined && s.weight !== s.configured_weight);

/* What is worst comes first. */
function rank(service) {
	if (service.state !== "up")
		return 0;
	if (service.servers.some((s) => s.state !== "up" && s.state !== "drain"))
		return 1;
	if (service.connections?.queued > 0)
		return 2;
	return service.servers.some((s) => byHand(s) || s.state === "drain") ? 3 : 4;
}

/* -- a row -------------------------------------------------------------- */

function cell(tag, column, ...children) {
	const node = el(tag, column, ...children);
	node.setAttribute("role", tag === "th" ? "rowheader" : "cell");
	return node;
}

function makeRow(name, parts) {
	for (const key of ["words", "why", "active", "limit", "new", "in", "out", "failed", "check"])
		parts[key] = el("span");
	parts.why.className = parts.limit.className = "dim";
	parts.activeLine = spark();
	parts.trafficLine = spark();
	const state = cell("td", "is", el("p", "", el("i", "sign"), parts.words, " ", parts.why));
	if (parts.cells)
		state.append(parts.cells);
	const row = el("tr", "", name, state,
		cell("td", "active", parts.activeLine, el("span", "value", parts.active, parts.limit)),
		cell("td", "new", parts.new),
		cell("td", "traffic", parts.trafficLine, el("span", "value", el("span", "dim", "in "), parts.in,
			el("span", "dim", " out "), parts.out)),
		cell("td", "failed", parts.failed), cell("td", "check", parts.check));
	row.setAttribute("role", "row");
	return Object.assign(row, { parts });
}

const took = (ms) => `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
const amount = (n) => bytes(n).join(" ");

/* What services and servers have alike. */
function showRow(row, told, line, tops, seen) {
	const p = row.parts, c = told.connections;
	put(p.active, count(c?.active));
	put(p.limit, c?.limit ? ` of ${count(c.limit)}` : "");
	put(p.failed, count(c?.failed));
	mark(row, "data-failed", c?.failed > 0);
	put(p.new, rate(told.rates?.new));
	put(p.in, amount(told.rates?.in));
	put(p.out, amount(told.rates?.out));
	if (!seen)
		return;
	plot(p.activeLine, line?.active, tops?.active ?? most(line?.active));
	plot(p.trafficLine, line?.both, tops?.both ?? most(line?.both));
}

/* -- a server ----------------------------------------------------------- */

function makeServer() {
	const name = el("span", "of"), address = el("span", "address dim");
	const th = cell("th", "name", name, " ", address);
	th.scope = "row";
	return makeRow(th, { name, address });
}

/* Without the end that all of the service's servers have in common. */
const shortName = (service, name) => name.slice(0, name.length - service.domain.length);

/* The host is in the name mostly: then the port says enough. */
function shortAddress(server) {
	const { address, name } = server, colon = address.lastIndexOf(":");
	return colon > 0 && address.slice(0, colon) === name ? address.slice(colon) : address;
}

function whyOf(server) {
	const { check, state, set } = server;
	if (state !== "up" && check)
		return [check.detail, since(check.since), check.since && `(${age(check.since)})`].filter(Boolean).join(" ");
	return set?.reason ?? (state === "up" && check?.role ? `says ${check.role}` : "");
}

function showServer(row, { service, server, tops, seen }) {
	const p = row.parts;
	const active = service.standby?.active === server.name;
	/* Of thousands, what nobody looks at stays as it is until somebody does. */
	if (row.id && !seen && row.dataset.state === server.state)
		return;
	mark(row, "id", `server-${service.name}/${server.name}`);
	mark(row, "data-state", server.state);
	mark(row, "data-admin", server.admin);
	mark(row, "data-active", String(server.active));
	mark(row, "data-sign", isTaken(server) && server.state === "up" ? server.admin : server.state);
	put(p.name, shortName(service, server.name));
	mark(row.firstChild, "title", server.resolved ? `${server.name}, now ${server.resolved}` : server.name);
	put(p.address, shortAddress(server));
	put(p.words, [server.state, isTaken(server) && server.admin, active && "active",
		server.weight !== server.configured_weight && `weight ${server.weight}`].filter(Boolean).join(", "));
	put(p.why, whyOf(server));
	put(p.check, server.check?.last === "ok" ? took(server.check.latency_ms) : "");
	showRow(row, server, lines?.servers.get(`${service.name}/${server.name}`), tops, seen);
}

/* -- a service ---------------------------------------------------------- */

/* Lines are drawn of what is looked at. */
const watcher = new IntersectionObserver((entries) => {
	for (const { target, isIntersecting } of entries)
		target.seen = isIntersecting;
	draw();
}, { rootMargin: "400px" });

function isOpen(service) {
	const rows = sum(page.status.services, (s) => s.servers.length);
	return opened.get(service.name) ?? openAll ?? rows <= ROWS_OPEN;
}

function makeService(service) {
	const button = el("button", "toggle"), address = el("span", "address dim"), cells = el("span", "cells");
	button.type = "button";
	button.addEventListener("click", () => {
		opened.set(service.name, button.getAttribute("aria-expanded") !== "true");
		draw();
	});
	cells.setAttribute("aria-hidden", "true");
	const th = cell("th", "name", el("h3", "", button), " ", address);
	th.scope = "rowgroup";
	const row = makeRow(th, { button, address, cells });
	row.className = "service";
	const body = el("tbody", "", row);
	body.setAttribute("role", "rowgroup");
	watcher.observe(body);
	return Object.assign(body, { fixed: row, seen: true });
}

function serviceWords(service) {
	const { state, servers, standby } = service;
	const up = servers.filter((s) => s.state === "up").length;
	if (state === "unknown")
		return "unknown";
	if (standby)
		return [state, `active ${shortName(service, standby.active)}`].join(", ");
	return up === servers.length ? `${state}, all ${up}` : `${state}, ${up} of ${servers.length}`;
}

function serviceWhy({ standby, connections, servers }) {
	const queued = connections?.queued ?? 0;
	const spare = standby && !servers.some((s) => s.name !== standby.active && isWell(s));
	return [queued && `${count(queued)} wait${queued === 1 ? "s" : ""}`,
		standby && ["fencing", "blocked"].includes(standby.phase) && standby.phase,
		standby?.trouble, spare && "no spare"].filter(Boolean).join(" · ");
}

function showServiceRow(row, service, seen) {
	const p = row.parts;
	mark(row, "id", `service-${service.name}`);
	mark(row, "data-state", service.state);
	mark(row, "data-sign", rank(service) === 1 ? "part" : service.state);
	put(p.button, service.name);
	mark(p.button, "aria-expanded", String(isOpen(service)));
	const [first, ...others] = service.listen;
	put(p.address, (first ?? "") + (others.length ? ` +${others.length}` : ""));
	mark(row.firstChild, "title", service.listen.join(", "));
	put(p.words, serviceWords(service));
	put(p.why, serviceWhy(service));
	put(p.check, service.mode === "standby" ? "standby" : service.balance);
	keep(p.cells, service.servers, (s) => s.name, () => el("i", "sign"), (i, s) =>
		mark(i, "data-sign", isTaken(s) && s.state === "up" ? s.admin : s.state));
	showRow(row, service, lines?.services.get(service.name), null, seen);
}

/* Which of its servers have rows: all, those that are asked for, or what is not well. */
function rowsOf(service, words, open) {
	const { servers } = service, unwell = servers.filter((s) => !isWell(s));
	const sorted = servers.length > ROWS_SORTED ? [...unwell, ...servers.filter(isWell)] : servers;
	if (words && !matches(words, service.name, ...service.listen))
		return sorted.filter((s) => matches(words, s.name, s.address, s.state, s.admin));
	return open ? sorted : unwell.slice(0, ROWS_CLOSED);
}

/* A closed one that shows some says how many it does not. */
function restOf(service, rows, open, words) {
	const rest = service.servers.filter((s) => !rows.includes(s));
	if (open || words || rows.length === 0 || rest.length === 0)
		return [];
	const unwell = rest.filter((s) => !isWell(s)).length;
	const text = unwell === 0 ? `${count(rest.length)} more ${rest.length === 1 ? "is" : "are"} up`
		: `${plural(rest.length, "more server")}, ${count(unwell)} of them not well`;
	return [{ service, text }];
}

function makeRest({ service }) {
	const button = el("button", "rest"), td = cell("td", "rest", button);
	button.type = "button";
	button.addEventListener("click", () => {
		opened.set(service.name, true);
		draw();
	});
	td.colSpan = COLUMNS.length;
	const row = el("tr", "rest", td);
	row.setAttribute("role", "row");
	return Object.assign(row, { button });
}

/* The lines of a service's servers have one scale, so that they can be compared. */
function topsOf(body, service) {
	if (body.tops?.sample !== lines?.sample) {
		const all = service.servers.map((s) => lines?.servers.get(`${service.name}/${s.name}`));
		body.tops = { sample: lines?.sample, active: Math.max(...all.map((l) => most(l?.active))),
			both: Math.max(...all.map((l) => most(l?.both))) };
	}
	return body.tops;
}

function showService(body, service) {
	const open = isOpen(service), words = filterWords();
	const rows = rowsOf(service, words, open), seen = body.seen;
	mark(body, "data-rank", rank(service));
	showServiceRow(body.fixed, service, seen);
	const tops = seen && rows.length ? topsOf(body, service) : body.tops;
	keep(body, [...rows.map((server) => ({ service, server, tops, seen })), ...restOf(service, rows, open, words)],
		(item) => (item.server ? `server ${item.server.name}` : "rest"),
		(item) => (item.server ? makeServer() : makeRest(item)),
		(row, item) => (item.server ? showServer(row, item) : put(row.button, item.text)));
}

/* -- the filter --------------------------------------------------------- */

const filterWords = () => $("filter").value.trim().toLowerCase();
const matches = (words, ...texts) => texts.some((t) => t?.toLowerCase().includes(words));

function isAsked(service) {
	if ($("unwell").checked && rank(service) === 4)
		return false;
	const words = filterWords();
	return !words || matches(words, service.name, ...service.listen) || rowsOf(service, words, false).length > 0;
}

/* Kept in the address, so that a bookmark of a wall screen brings it back. */
function rememberFilter() {
	const asked = new URLSearchParams();
	if (filterWords())
		asked.set("filter", $("filter").value.trim());
	if ($("unwell").checked)
		asked.set("unwell", "1");
	history.replaceState(null, "", `${asked.size ? `?${asked}` : location.pathname}${location.hash}`);
	draw();
}

function onKey(event) {
	const typing = event.target instanceof HTMLInputElement && event.target.type === "search";
	if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
		event.preventDefault();
		$("filter").focus();
	} else if (event.key === "Escape" && typing && $("filter").value) {
		$("filter").value = "";
		rememberFilter();
	}
}

function makeTools() {
	const filter = el("input"), unwell = el("input"), open = el("button");
	const asked = new URLSearchParams(location.search);
	Object.assign(filter, { id: "filter", type: "search", placeholder: "name, address or state", autocomplete: "off",
		spellcheck: false, value: asked.get("filter") ?? "" });
	Object.assign(unwell, { id: "unwell", type: "checkbox", checked: asked.has("unwell") });
	Object.assign(open, { id: "open", type: "button" });
	filter.addEventListener("input", rememberFilter);
	unwell.addEventListener("change", rememberFilter);
	open.addEventListener("click", () => {
		openAll = !page.status.services.every(isOpen);
		opened.clear();
		draw();
	});
	document.addEventListener("keydown", onKey);
	return el("div", "tools", el("label", "", "Filter ", filter, " ", el("kbd", "", "/")),
		el("label", "", unwell, " only what is not well"), open, Object.assign(el("span", "dim"), { id: "counted" }));
}

function makeServices() {
	const heads = COLUMNS.map(([column, title]) => {
		const th = el("th", column, title);
		th.scope = "col";
		th.setAttribute("role", "columnheader");
		return th;
	});
	const row = el("tr", "", ...heads), head = el("thead", "", row);
	row.setAttribute("role", "row");
	head.setAttribute("role", "rowgroup");
	const caption = el("caption", "vh", "Services, each with its servers: state, connections and rates");
	const table = Object.assign(el("table", "", caption, head), { id: "list", fixed: head });
	table.setAttribute("role", "table");
	return [makeTools(), table, Object.assign(el("p", "dim", "No service is like that."), { id: "nowhere" })];
}

function drawServices() {
	const { services } = page.status, total = sum(services, (s) => s.servers.length);
	const rates = new Map(page.rates.map((r) => [r.name, r]));
	const told = services.map((s) => {
		const of = rates.get(s.name), each = new Map(of?.servers.map((r) => [r.name, r]));
		return { ...s, rates: of, domain: sharedDomain(s.servers),
			servers: s.servers.map((v) => ({ ...v, rates: each.get(v.name) })) };
	});
	const asked = told.filter(isAsked).sort((a, b) => rank(a) - rank(b));
	mark($("services"), "data-count", services.length);
	mark($("list"), "data-roomy", services.length + total <= ROWS_ROOMY);
	put($("open"), services.every(isOpen) ? "Close all" : "Open all");
	put($("counted"), asked.length === services.length
		? `${plural(services.length, "service")}, ${plural(total, "server")}`
		: `${count(asked.length)} of ${plural(services.length, "service")}`);
	hide($("nowhere"), asked.length > 0 || services.length === 0);
	keep($("list"), asked, (s) => s.name, makeService, showService);
}

/* -- events ------------------------------------------------------------- */

function makeEvent() {
	const [time, node, what, reason] = [el("time"), el("b"), el("span"), el("span", "dim")];
	return Object.assign(el("li", "", time, " ", node, " ", el("p", "", el("i", "sign"), what, " ", reason)),
		{ parts: { time, node, what, reason } });
}

function tone(what) {
	if (/-> (down|fault)$/.test(what))
		return "down";
	return /-> (up|master)$/.test(what) ? "up" : "other";
}

function showEvent(li, event) {
	const p = li.parts;
	mark(li, "data-kind", event.kind);
	mark(li, "data-sign", tone(event.what));
	put(p.time, when(event.time));
	mark(p.time, "datetime", event.time);
	mark(p.time, "title", event.time);
	put(p.node, event.node);
	put(p.what, `${event.subject}: ${event.what.replaceAll("->", "→")}`);
	put(p.reason, event.reason);
}

function makeEvents() {
	const more = Object.assign(el("button"), { id: "more", type: "button" });
	more.addEventListener("click", () => {
		allEvents = !allEvents;
		draw();
	});
	return [Object.assign(el("ol"), { id: "told" }), more];
}

function drawEvents() {
	const { events } = page;
	keep($("told"), allEvents ? events : events.slice(0, EVENTS_SHOWN),
		(e) => `${e.time} ${e.node} ${e.subject} ${e.what}`, makeEvent, showEvent);
	hide($("more"), events.length <= EVENTS_SHOWN);
	put($("more"), allEvents ? "The last ones alone" : `All ${count(events.length)}`);
}

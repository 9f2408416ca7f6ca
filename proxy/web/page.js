/*
 * The live half of the status page: asks page.json once a second and redraws in
 * place, so that nothing flickers, focus stays and the page never jumps. What the
 * server has rendered is replaced once the first answer is here; without scripts
 * those tables are the page. Nothing can be changed from here.
 */
"use strict";

const POLL_MS = 1000, POLL_HIDDEN_MS = 10000, PATIENCE_MS = 5000;
/* A relay that is replaced breaks connections: less silence than this is none. */
const SILENT_MS = 3000;
const RETRY_MS = [250, 1000, 2000, 2000, 5000];
/* Troubles with which clients are, or may be, not served now: they come first. */
const GRAVE = new Set(["relay_silent", "relay_restarting", "address_conflict", "peer_shows",
	"two_masters", "no_master", "active_down", "service_down", "service_unserved",
	"services_unserved", "service_full"]);

let heard = performance.now(); /* when the newest answer came, or we began to ask */
let visible = heard;           /* since when somebody looks */
let silence = "";              /* what to do about that none came; "": one did */
let advice = "";               /* the same, before it is called silence */
let failures = 0, patience = 0, asking = false, timer = 0;

/* -- what is wrong ------------------------------------------------------ */

function troubles() {
	const told = page.status.troubles ?? [];
	const grave = (t) => GRAVE.has(t.id);
	return [...told.filter(grave), ...told.filter((t) => !grave(t))];
}

/* Both nodes have one file, so the other's page is likely to be at the same port. */
function otherPage() {
	const peer = page.status.peers[0], to = peer?.links?.[0]?.remote;
	if (!to || /^(localhost|127\.|\[::1\])/.test(location.hostname))
		return null;
	const host = to.includes(":") ? `[${to}]` : to;
	const port = location.port ? `:${location.port}` : "";
	return `${location.protocol}//${host}${port}/`;
}

const teller = () => page.status.node || "the node";

/* Silence is a trouble, too, and the first of all. */
function allTroubles() {
	const found = troubles().map((t) => ({ ...t, grave: GRAVE.has(t.id) }));
	if (!silence)
		return found;
	return [{ id: "no_answer", grave: true, since: page.status.time,
		text: `No answer from ${teller()} since ${clock(page.status.time)}: what you see is old`,
		advice: silence, other: otherPage() }, ...found];
}

function makeTrouble() {
	const li = el("li", "trouble");
	const [text, at, old, advice, link] =
		["p", "time", "span", "p", "a"].map((tag) => el(tag));
	text.className = "what";
	advice.className = "advice";
	/* It changes all the time, and must not be read out all the time. */
	old.setAttribute("aria-hidden", "true");
	li.append(el("i", "sign"), text, el("p", "since", at, " ", old), advice, link);
	return Object.assign(li, { parts: { text, at, old, advice, link } });
}

function showTrouble(li, trouble) {
	const { text, at, old, advice, link } = li.parts;
	mark(li, "data-trouble", trouble.id);
	mark(li, "data-grave", trouble.grave);
	putSentence(text, trouble.text);
	put(at, since(trouble.since));
	mark(at, "datetime", trouble.since);
	/* Nor is it known while nobody tells the time. */
	put(old, trouble.since && !silence ? `(${age(trouble.since)})` : "");
	putSentence(advice, trouble.advice ?? "");
	hide(link, !trouble.other);
	put(link, trouble.other ? `The page of ${page.status.peers[0].name} may tell more` : "");
	mark(link, "href", trouble.other);
}

function drawTroubles() {
	const found = allTroubles(), hints = page.status.hints ?? [];
	mark($("troubles"), "data-count", found.length);
	keep($("wrong"), found, (t) => `${t.id} ${t.text}`, makeTrouble, showTrouble);
	keep($("hints"), hints, (h) => h, () => el("li"), putSentence);
	hide($("hints"), hints.length === 0);
	hide($("none"), found.length > 0);
}

/* -- the head of the page ----------------------------------------------- */

const ICONS = {
	ok: "<circle cx='8' cy='8' r='7' fill='%23218a5b'/>",
	bad: "<path d='M8 1l7 14H1z' fill='%23d98a00'/>",
	grave: "<path d='M1 1h14v14H1z' fill='%23cc2b1d'/><path d='M4 4l8 8m0-8l-8 8' stroke='white' stroke-width='2'/>",
	silent: "<circle cx='8' cy='8' r='6' fill='none' stroke='%238a939b' stroke-width='3'/>",
};

function mood(found) {
	if (silence)
		return "silent";
	if (found.length === 0 && page.status.healthy !== false)
		return "ok";
	return found.some((t) => t.grave) ? "grave" : "bad";
}

/* Who serves a group, by what both nodes say of it. */
function mastersOf(group) {
	const { status } = page, peer = status.peers[0];
	const there = peer?.reachable && peer.groups.find((g) => g.name === group.name);
	const found = group.state === "master" ? [status.node] : [];
	return there && there.state === "master" ? [...found, peer.name] : found;
}

/* Since when: this node knows its own, and the events tell of the other. */
function masterSince(group, name) {
	if (name === page.status.node)
		return { at: group.since, why: group.reason };
	const event = page.events.find((e) => e.node === name &&
		e.subject === `group ${group.name}` && e.what.endsWith("-> master"));
	return event ? { at: event.time, why: event.reason } : { at: null, why: "" };
}

/* "no peer was heard" alone would read as if it were so now. */
const why = (reason) => (reason ? `reason: ${reason}` : "");

function masterFigure() {
	const { status } = page, groups = status.groups ?? [];
	if (groups.length === 0)
		return { name: status.peers.length ? "Master" : "Node", value: status.node || "single",
			more: `up ${span(status.uptime_s * 1000)}` };
	const masters = groups.map(mastersOf);
	const all = new Set(masters.map((m) => m.join(" and ") || "nobody"));
	const first = masterSince(groups[0], masters[0][0]);
	return {
		name: groups.length > 1 ? `Master of ${groups.length} groups` : `Master of ${groups[0].name}`,
		value: [...all].join(", "), bad: masters.some((m) => m.length !== 1),
		more: all.size > 1 || groups.length > 1
			? groups.map((g, i) => `${g.name}: ${masters[i].join(" and ") || "nobody"}`).join(" · ")
			: [first.at && `${since(first.at)} (${age(first.at)})`, why(first.why)].filter(Boolean).join(", "),
	};
}

function figures() {
	const { status, rates } = page, services = status.services;
	const servers = services.flatMap((s) => s.servers);
	const up = servers.filter((s) => s.state === "up").length;
	const [inward, inUnit] = bytes(sum(rates, (r) => r.in));
	const [outward, outUnit] = bytes(sum(rates, (r) => r.out));
	const counted = services.some((s) => s.connections);
	const there = status.peers[0]?.wire.connections ?? 0;
	return [
		masterFigure(),
		{ name: "Connections", value: counted ? count(sum(services, (s) => s.connections?.active)) : "–",
			more: [`of ${count(status.max_connections)} on this node`,
				there && `${count(there)} on ${status.peers[0].name}`].filter(Boolean).join(", "), line: "active" },
		{ name: "New a second", value: rate(sum(rates, (r) => r.new)) || "–", line: "new" },
		{ name: "From clients", value: inward || "–", unit: `${inUnit}/s`, line: "in" },
		{ name: "To clients", value: outward || "–", unit: `${outUnit}/s`, line: "out" },
		{ name: "Servers up", value: count(up), unit: `of ${count(servers.length)}`, bad: up < servers.length,
			more: up < servers.length ? `${count(servers.length - up)} not up` : "all of them" },
	];
}

function makeFigure(figure) {
	const [name, value, unit, more] = [el("dt"), el("b"), el("span"), el("dd", "more")];
	const div = el("div", "figure", name, el("dd", "value", value, " ", unit), more);
	const line = figure.line ? div.appendChild(el("dd", "graph", spark())).firstChild : null;
	return Object.assign(div, { parts: { name, value, unit, more, line } });
}

function showFigure(div, figure) {
	const { name, value, unit, more, line } = div.parts;
	put(name, figure.name);
	put(value, figure.value);
	mark(value, "title", figure.value.length > 9 && figure.value);
	mark(div, "data-long", figure.value.length > 9 && (figure.value.length > 16 ? 2 : 1));
	mark(div, "data-bad", figure.bad);
	put(unit, figure.unit ?? "");
	put(more, figure.more ?? "");
	if (line)
		plot(line, lines?.all[figure.line], most(lines?.all[figure.line]));
}

/* What a backup counts is little, and no reason to worry. */
function elsewhere() {
	const masters = new Set(page.status.groups.flatMap(mastersOf));
	return masters.size === 0 || masters.has(page.status.node) ? ""
		: `${[...masters].join(" and ")} serves; connections and rates below are those of ${teller()} alone`;
}

function verdict(found) {
	if (silence)
		return [`No answer from ${teller()}`, `since ${clock(page.status.time)}: what you see is old`];
	if (found.length === 0)
		return ["All is well", elsewhere()];
	const more = found.length - 1;
	return [plural(found.length, "trouble"),
		found[0].text + (more ? `, and ${more} more below` : "")];
}

function drawTop() {
	const { status } = page, found = allTroubles(), state = mood(found);
	const [words, lead] = verdict(found);
	const roles = [...new Set(status.groups.map((g) => g.state))].join(", ");
	mark(document.documentElement, "data-mood", state);
	put($("verdict"), words);
	putSentence($("lead"), lead);
	put($("teller"), status.node ? `as ${status.node} sees it` : "one node");
	put($("clock"), clock(status.time));
	mark($("clock"), "title", `UTC: ${status.time}`);
	keep($("figures"), figures(), (f) => f.line ?? f.name.slice(0, 6), makeFigure, showFigure);
	document.title = [state === "ok" ? "" : words, [status.node, roles].filter(Boolean).join(" "), "hapair"]
		.filter(Boolean).join(" – ");
	const icon = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${ICONS[state]}</svg>`;
	mark($("icon"), "href", icon);
	putSentence($("foot"), `hapair ${status.version} on ${teller()}, up ${span(status.uptime_s * 1000)}, process ${status.pid}. ` +
		`Configuration ${status.config.path}, read ${when(status.config.loaded_at)}. ` +
		"Times are this browser's; the log's are UTC. Nothing can be changed here; `hapair help` names the commands that do.");
}

/* -- both nodes, and what is between them ------------------------------- */

function nodes() {
	const { status } = page, peer = status.peers[0];
	const group = (g) => ({ name: g.name, state: g.state, at: g.since, why: g.reason,
		addresses: g.state === "master" ? g.addresses : [] });
	const here = { name: status.node || "this node", here: true, groups: status.groups.map(group),
		facts: [`hapair ${status.version}`, `configuration ${(status.config.hash ?? "").slice(0, 8)}`,
			...status.processes.filter((p) => p.restarts > 0 || p.state !== "answers").map((p) =>
				`${p.name} ${p.state}` + (p.restarts ? `, restarted ${plural(p.restarts, "time")}, last ${when(p.last_end_at)}: ${p.last_end}` : ""))] };
	if (!peer)
		return [here];
	const matches = status.config.peer_matches;
	const there = { name: peer.name, page: otherPage(), facts: [
		peer.version ? `hapair ${peer.version}` : "version not known",
		matches === null ? "configuration not known" : matches ? "the same configuration" : "another configuration"] };
	there.groups = status.groups.map((g) => {
		const told = peer.reachable && peer.groups.find((p) => p.name === g.name);
		const is = told && masterSince(g, peer.name);
		return { name: g.name, state: told ? told.state : "not heard",
			at: told ? (told.state === "master" ? is.at : null) : peer.last_heard_at,
			why: told && told.state === "master" ? is.why : "",
			addresses: told && told.state === "master" ? g.addresses : [] };
	});
	return [here, there];
}

function makeNode() {
	const [name, here, link, groups, facts] =
		[el("h3"), el("span", "here"), el("a"), el("ul", "groups"), el("ul", "facts")];
	return Object.assign(el("article", "node", el("header", "", name, here, link), groups, facts),
		{ parts: { name, here, link, groups, facts } });
}

function makeGroup() {
	const [sign, state, name, at, why, addresses] =
		[el("i", "sign"), el("b"), el("span"), el("span", "dim"), el("p", "dim"), el("p", "addresses")];
	return Object.assign(el("li", "", el("p", "", sign, state, " ", name, " ", at), why, addresses),
		{ parts: { sign, state, name, at, why, addresses } });
}

function showNode(node, told) {
	const { name, here, link, groups, facts } = node.parts;
	put(name, told.name);
	put(here, told.here ? "this page's node" : "");
	put(link, told.page ? "its own page" : "");
	mark(link, "href", told.page);
	mark(link, "title", told.page && "Where it listens at the same port");
	hide(link, !told.page);
	mark(node, "data-role", told.groups.some((g) => g.state === "master") ? "master" : "other");
	keep(groups, told.groups, (g) => g.name, makeGroup, (li, g) => {
		const p = li.parts;
		mark(li, "data-state", g.state);
		put(p.state, g.state);
		put(p.name, `of ${g.name}`);
		put(p.at, g.at ? `${since(g.at)} (${age(g.at)})` : "");
		put(p.why, why(g.why));
		keep(p.addresses, g.addresses, (a) => a, () => el("code"), put);
	});
	keep(facts, told.facts, (f) => f, () => el("li"), put);
}

/* Links, networks and the wire: what the nodes hear of each other over each. */
function between() {
	const peer = page.status.peers[0];
	const heard = (l) => (l.up ? `${count(l.received)} heartbeats` : l.heard_at ? `not ${since(l.heard_at)}` : "never heard");
	const rest = (l) => `${count(l.lost)} lost · ${count(l.rejected)} rejected`;
	return [
		...peer.links.map((l) => ({ key: `${l.local} - ${l.remote}`, name: `${l.local} – ${l.remote}`,
			up: l.up, text: heard(l), rest: rest(l) })),
		...peer.groups.flatMap((g) => (g.networks ?? []).map((n) => ({ key: `${n.interface} of ${g.name}`,
			name: `${n.interface} of ${g.name}`, up: n.up, text: heard(n), rest: rest(n) }))),
		{ key: "wire", name: "wire (TCP)", up: peer.wire.up, text: since(peer.wire.since),
			rest: `${plural(peer.wire.connections, "connection")} of ${peer.name} known here` },
	];
}

function makeLink() {
	const [state, name, text, rest] = [el("b"), el("span", "name"), el("span"), el("span", "dim")];
	return Object.assign(el("li", "", el("i", "sign"), name, state, el("p", "", text, " · ", rest)),
		{ parts: { state, name, text, rest } });
}

function drawPair() {
	const { status } = page, peer = status.peers[0], box = $("between");
	mark($("pair"), "data-node", status.node);
	mark($("pair"), "data-healthy", String(status.healthy));
	put($("pair-title"), peer ? "The pair" : "The node");
	const [here, there] = nodes();
	showNode($("here"), here);
	hide($("there"), !there);
	hide(box, !there);
	if (!there)
		return;
	showNode($("there"), there);
	mark(box, "data-state", peer.reachable ? "up" : "down");
	put($("heard"), peer.reachable ? `${peer.name} is heard, ${count(peer.last_heard_ms)} ms ago` :
		peer.last_heard_at ? `${peer.name} is not heard ${since(peer.last_heard_at)}` : `${peer.name} was never heard`);
	keep($("links"), between(), (l) => l.key, makeLink, (li, l) => {
		mark(li, "data-link", l.key);
		mark(li, "data-state", l.up ? "up" : "down");
		put(li.parts.state, l.up ? "up" : "down");
		put(li.parts.name, l.name);
		put(li.parts.text, l.text);
		put(li.parts.rest, l.rest);
	});
}

/* -- by hand, and under way --------------------------------------------- */

function handLines() {
	return page.status.services.flatMap((service) => service.servers.filter(byHand).map((s) => {
		const words = [["drain", "maint"].includes(s.admin) && s.admin, s.weight !== s.configured_weight &&
			`weight ${s.weight} (${s.configured_weight} in the file)`].filter(Boolean).join(", ");
		const set = s.set ?? {};
		const origin = [set.by && `by a word on ${set.by}`, since(set.since), set.reason].filter(Boolean).join(" · ");
		return { key: `${service.name}/${s.name}`, words, origin };
	}));
}

function planLine({ name, standby: s }) {
	if (!s || s.leads === false)
		return [];
	if (s.hold_until)
		return [`${name}: ${s.active} has until ${when(s.hold_until)} to be well again (\`hold\`), then another server is active`];
	if (s.next)
		return [`${name}: the fence of ${s.active} runs, ${s.fence_timeout_s} s at most; when it has ended well, ${s.next} is active`];
	return s.retry_at ? [`${name}: the fence of ${s.active} is tried again at ${when(s.retry_at)}`] : [];
}

function queueLine({ name, connections, queue_s }) {
	const n = connections?.queued ?? 0;
	return n ? [`${name}: ${count(n)} client${n === 1 ? " waits" : "s wait"} for a place at a server, ${queue_s} s at most`] : [];
}

function drawHand() {
	const hand = handLines(), way = [...page.status.services.flatMap(planLine), ...page.status.services.flatMap(queueLine)];
	mark($("byhand"), "data-count", hand.length);
	hide($("nothing"), hand.length > 0);
	hide($("how"), hand.length === 0);
	keep($("hand"), hand, (h) => h.key, () => {
		const [what, words, origin] = [el("b"), el("span"), el("p", "dim")];
		return Object.assign(el("li", "", what, " ", words, origin), { parts: { what, words, origin } });
	}, (li, h) => {
		put(li.parts.what, h.key);
		put(li.parts.words, h.words);
		put(li.parts.origin, h.origin);
	});
	hide($("underway"), way.length === 0);
	keep($("way"), way, (w) => w.slice(0, w.indexOf(":")), () => el("li"), putSentence);
}

/* -- the kernel path ----------------------------------------------------- */

const STREAMS = {
	none: "without a peer", down: "the stream to the peer is down", dumping: "the peer is being told of all",
	linked: "the peer keeps up", lagging: "the peer does not keep up", mismatch: "the peer's does not fit",
};

function passedLine({ name, kernel: k }) {
	if (!k)
		return [];
	const waits = k.held ? `, ${count(k.held)} of them wait for a place at a server` : "";
	const why = k.protected < k.active && k.unprotected ? `: ${k.unprotected}` : "";
	const beside = k.relayed ? `, ${count(k.relayed)} more are relayed` : "";
	return [`${name}: ${count(k.active)} connections${waits}, ${count(k.protected)} protected${why}${beside}`];
}

function drawKernel() {
	const k = page.status.kernel;
	hide($("kernel"), !k);
	if (!k)
		return;
	const state = !k.answers ? "Its director does not answer"
		: { works: "It works", relay_only: "It is not available, and all is relayed" }[k.state] ?? "It is starting";
	put($("path"), [state, k.state !== "relay_only" && STREAMS[k.stream], `${count(k.slots_used)} of ${count(k.slots)} slots`,
		k.valve_open && "new clients are relayed"].filter(Boolean).join(" · "));
	keep($("passed"), page.status.services.flatMap(passedLine), (w) => w.slice(0, w.indexOf(":")), () => el("li"), putSentence);
}

/* -- all of it ---------------------------------------------------------- */

function section(id, title, ...content) {
	const heading = el("h2", "", title);
	let box = $(id);
	if (!box) {
		box = Object.assign(el("section"), { id });
		$("byhand").before(box);
	}
	heading.id = `${id}-title`;
	box.setAttribute("aria-labelledby", heading.id);
	box.replaceChildren(heading, ...content);
}

const named = (tag, id, classes, ...children) => Object.assign(el(tag, classes, ...children), { id });

/* From now on the sections are drawn here. */
function takeOver() {
	const wrong = named("ul", "wrong");
	wrong.setAttribute("aria-live", "polite");
	section("troubles", "What is wrong", wrong, named("p", "none", "dim", "Nothing is wrong."), named("ul", "hints"));
	section("pair", "The pair", el("div", "nodes", Object.assign(makeNode(), { id: "here" }),
		named("div", "between", "", named("p", "heard"), named("ul", "links")),
		Object.assign(makeNode(), { id: "there" })));
	section("underway", "Under way", named("ul", "way"));
	section("byhand", "Set by hand", named("p", "nothing", "dim", "Nothing is set by hand."), named("ul", "hand"),
		named("p", "how", "dim"));
	putSentence($("how"), "`hapair server SERVICE/NAME ready`, or `hapair server SERVICE reset`, ends it.");
	section("kernel", "Kernel path", named("p", "path", "dim"), named("ul", "passed"));
	section("services", "Services", ...makeServices());
	section("events", "Events", ...makeEvents());
	$("servers")?.replaceChildren();
	hide($("servers") ?? el("p"), true);
	document.documentElement.classList.add("live");
}

function draw() {
	const focus = document.activeElement;
	drawTop();
	drawTroubles();
	drawPair();
	drawHand();
	drawKernel();
	drawServices();
	drawEvents();
	if (focus !== document.activeElement && focus?.isConnected)
		focus.focus({ preventScroll: true });
}

/* -- asking ------------------------------------------------------------- */

class Refused extends Error {
	constructor(status) {
		super(`status ${status}`);
		this.status = status;
	}
}

async function ask(path) {
	const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
	if (!answer.ok)
		throw new Refused(answer.status);
	return answer.json();
}

function receive(told) {
	/* Another program: its page may be another one, too. */
	if (page && told.status.version !== page.status.version)
		location.reload();
	const first = !page;
	page = told;
	heard = performance.now();
	silence = "";
	failures = 0;
	if (first)
		takeOver();
	draw();
}

/* The lines of the last ten minutes, whole or one sample longer. */
async function follow() {
	const { sample, status: { node } } = page;
	/* At a virtual IP another node may answer from now on. */
	const same = lines?.node === node;
	if (same && sample === lines.sample || performance.now() < patience)
		return;
	if (same && sample === lines.sample + 1) {
		lines.append(page);
	} else {
		patience = performance.now() + PATIENCE_MS;
		lines = new Lines(await ask("history.json"), node);
	}
	draw();
}

function adviceAfter(error) {
	if (error.status === 401)
		return "It asks for the password: load this page anew.";
	if (error.status)
		return `It answers with ${error.message}, and is asked again every few seconds: ` +
			"its relay starts, or stands still. `hapair status` on it tells more.";
	return "It is asked again every few seconds. Does its host run, is it reached from here, " +
		"and does hapair run there (`systemctl status hapair`)?";
}

/* A fault of this page is not the node's silence, and what is half drawn misleads. */
function tellBroken(error) {
	mark(document.documentElement, "data-mood", "silent");
	put($("verdict"), "This page cannot be drawn");
	putSentence($("lead"), "What you see is old or wrong. `hapair status` on the node tells how it is; " +
		`and this is a fault of the page: ${error.message}`);
	reportError(error);
}

async function look() {
	if (asking)
		return;
	asking = true;
	clearTimeout(timer);
	const begun = performance.now();
	let pause = document.hidden ? POLL_HIDDEN_MS : POLL_MS;
	try {
		const told = await ask("page.json");
		advice = "";
		try {
			receive(told);
		} catch (error) {
			tellBroken(error);
		}
		/* Lines that are late come with the next answer. */
		await follow().catch(() => {});
	} catch (error) {
		advice = adviceAfter(error);
		pause = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];
	}
	asking = false;
	timer = setTimeout(look, Math.max(100, pause - (performance.now() - begun)));
}

/* Who was not looked at was asked less often. */
function listen() {
	const late = document.hidden || performance.now() - visible < SILENT_MS;
	const quiet = performance.now() - heard > SILENT_MS + (late ? POLL_HIDDEN_MS : 0);
	const told = quiet ? advice || adviceAfter({}) : "";
	if (told === silence)
		return;
	silence = told;
	if (page) {
		draw();
	} else {
		mark(document.documentElement, "data-mood", quiet && "silent");
		put($("verdict"), quiet ? "No answer from the node" : "How the pair is");
		putSentence($("lead"), quiet ? `What is below is from when this page was loaded. ${told}` : "");
	}
}

document.addEventListener("visibilitychange", () => {
	visible = performance.now();
	if (!document.hidden)
		look();
});
setInterval(listen, 500);
look();

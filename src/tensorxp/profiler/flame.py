"""The page of the flame view: spans in time or merged by caller, and memory, on a canvas.

The page needs nothing else: the spans travel as JSON in it, and a script of its own draws them.
"""

import json
from collections.abc import Sequence
from html import escape
from typing import Any


def flame_page(events: Sequence[Any], memory: Sequence[tuple[int, int]], summary: str) -> str:
    """Return the page for events in the order in which they began."""
    names: dict[str, int] = {}
    spans = [
        [
            names.setdefault(event.name, len(names)),
            event.start,
            event.duration,
            event.depth,
            names.setdefault(event.kind, len(names)),
            names.setdefault(event.shapes, len(names)),
            names.setdefault(event.module, len(names)),
            event.nbytes,
        ]
        for event in events
    ]
    data = json.dumps({"names": list(names), "spans": spans, "memory": memory})
    return _PAGE.replace("@SUMMARY@", escape(summary)).replace("@DATA@", data.replace("</", "<\\/"))


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Profile</title>
<style>
html,body{margin:0;height:100%;background:#f4f6f8;color:#1b2430;
 font:14px/1.5 system-ui,'Segoe UI',Helvetica,Arial,sans-serif}
body{display:flex;flex-direction:column}
header{padding:10px 16px;background:#fff;border-bottom:1px solid #d9dfe5;display:flex;gap:8px 14px;
 align-items:center;flex-wrap:wrap}
h1{font-size:16px;margin:0}
small{color:#5d6b7d;font-size:13px}
button{font:inherit;font-size:13px;padding:2px 10px;border:1px solid #b9c2cc;border-radius:5px;
 background:#fff;cursor:pointer}
button[aria-pressed=true]{background:#1f5fae;border-color:#1f5fae;color:#fff}
input{font:inherit;font-size:13px;padding:2px 8px;border:1px solid #b9c2cc;border-radius:5px}
i{display:inline-block;width:12px;height:12px;border-radius:3px;margin:0 4px 0 10px;vertical-align:-1px}
#view{flex:1;margin:10px 16px 0;background:#fff;border:1px solid #d9dfe5;border-radius:6px;
 overflow:hidden;min-height:160px;position:relative}
canvas{display:block;cursor:grab;touch-action:none}
#told{margin:6px 16px 10px;min-height:1.5em;font-size:13px;white-space:pre-wrap}
</style>
</head>
<body>
<header><h1>Profile</h1><small>@SUMMARY@</small>
<span><button id="time" aria-pressed="true">In time</button>
<button id="merged" aria-pressed="false">Merged</button></span>
<input id="find" type="search" placeholder="find an operation" aria-label="find an operation">
<small id="key"></small><small>wheel: zoom · drag: move · double click: whole</small></header>
<div id="view"><canvas></canvas></div><div id="told">Point at a span.</div>
<script>
const data = @DATA@;
const N = data.names, H = 20, AXIS = 22, MEM = 64;
const spans = data.spans.map(s => ({name: N[s[0]], start: s[1], size: s[2], depth: s[3],
  kind: N[s[4]], shapes: N[s[5]], module: N[s[6]], bytes: s[7], calls: 1}));
const hues = {op: [214, 70, 82], backward: [18, 82, 82], module: [130, 34, 82], step: [48, 80, 80], region: [265, 40, 86]};
const labels = {op: "operation", backward: "backward", module: "module", step: "step", region: "region"};
document.getElementById("key").innerHTML = Object.keys(hues).filter(k => spans.some(s => s.kind === k))
  .map(k => `<i style="background:${colour(k, "", 0)}"></i>${labels[k]}`).join("");
function colour(kind, name, found) {
  const h = hues[kind] || [0, 0, 85];
  let n = 0;
  for (const c of name) n = (n * 31 + c.charCodeAt(0)) % 997;
  return found ? "#ffd84d" : `hsl(${h[0] + n % 17 - 8} ${h[1]}% ${h[2] + n % 9 - 4}%)`;
}
function merge() {
  const root = {kids: new Map(), size: 0};
  const path = [];
  for (const s of spans) {
    path.length = s.depth;
    const parent = s.depth ? path[s.depth - 1] || root : root;
    const key = s.kind + "|" + s.name;
    let node = parent.kids.get(key);
    if (!node) parent.kids.set(key, node = {...s, shapes: "", size: 0, bytes: 0, calls: 0, kids: new Map()});
    node.size += s.size; node.bytes += s.bytes; node.calls += 1;
    path[s.depth] = node;
  }
  const out = [];
  (function place(node, at, depth) {
    for (const kid of [...node.kids.values()].sort((a, b) => b.size - a.size)) {
      kid.start = at; kid.depth = depth; out.push(kid);
      place(kid, at, depth + 1);
      at += kid.size;
    }
  })(root, 0, 0);
  return out;
}
const views = {time: spans, merged: merge()};
const view = document.getElementById("view"), canvas = view.firstChild, g = canvas.getContext("2d");
const told = document.getElementById("told");
let mode = "time", shown = spans, from = 0, to = 1, top_ = 0, held = null, sought = "", W, T;
const time = ns => ns >= 1e9 ? (ns / 1e9).toPrecision(3) + " s" : ns >= 1e6 ?
  (ns / 1e6).toPrecision(3) + " ms" : (ns / 1e3).toPrecision(3) + " µs";
const size = n => n >= 1e9 ? (n / 1e9).toPrecision(3) + " GB" : n >= 1e6 ? (n / 1e6).toPrecision(3) + " MB" :
  n >= 1e3 ? (n / 1e3).toPrecision(3) + " kB" : n + " B";
function whole() {
  from = Infinity; to = -Infinity;
  for (const s of shown) { from = Math.min(from, s.start); to = Math.max(to, s.start + s.size); }
  if (!(to > from)) { from = 0; to = 1; }
  top_ = 0;
}
function draw() {
  const r = window.devicePixelRatio || 1;
  W = view.clientWidth; T = view.clientHeight;
  canvas.width = W * r; canvas.height = T * r;
  canvas.style.width = W + "px"; canvas.style.height = T + "px";
  g.setTransform(r, 0, 0, r, 0, 0);
  const k = W / (to - from);
  g.font = "12px system-ui, Helvetica, Arial, sans-serif";
  g.textBaseline = "middle";
  const last = new Float64Array(4096).fill(-1);
  for (const s of shown) {
    let x = (s.start - from) * k, w = s.size * k;
    const y = AXIS + s.depth * H - top_;
    if (x > W || x + w < 0 || y > T || y < -H) continue;
    if (x + w < last[s.depth] + 0.5) continue;
    w = Math.max(w, 0.7);
    last[s.depth] = x + w;
    g.fillStyle = colour(s.kind, s.name, sought && s.name.toLowerCase().includes(sought));
    g.fillRect(x, y, Math.max(w - (w > 3 ? 1 : 0), 0.5), H - 1);
    if (w > 12) {
      const left = Math.max(x, 0) + 5, room = Math.min(x + w, W) - left - 4;
      const text = s.calls > 1 ? `${s.name} ×${s.calls}` : s.name;
      g.fillStyle = "#1b2430";
      if (room > 6) {
        let t = text;
        while (t && g.measureText(t).width > room) t = t.slice(0, -1);
        if (t === text || t.length > 1) g.fillText(t === text ? t : t.slice(0, -1) + "…", left, y + H / 2);
      }
    }
  }
  g.fillStyle = "#ffffffee"; g.fillRect(0, 0, W, AXIS - 1);
  g.fillStyle = "#5d6b7d"; g.strokeStyle = "#e3e7eb";
  const step = nice((to - from) / Math.max(W / 110, 1));
  for (let t = Math.ceil(from / step) * step; t < to; t += step) {
    const x = (t - from) * k;
    g.fillText(time(t), x + 4, AXIS / 2);
    g.beginPath(); g.moveTo(x + 0.5, 0); g.lineTo(x + 0.5, T); g.globalAlpha = 0.6; g.stroke(); g.globalAlpha = 1;
  }
  if (mode === "time" && data.memory.length) memory(k);
}
function nice(x) {
  const p = 10 ** Math.floor(Math.log10(x));
  return [1, 2, 5, 10].map(m => m * p).find(m => m >= x);
}
function memory(k) {
  const most = Math.max(...data.memory.map(m => m[1]), 1), base = T - 6;
  g.fillStyle = "#ffffffe8"; g.fillRect(0, T - MEM - 14, W, MEM + 14);
  g.beginPath(); g.moveTo(0, base);
  let level = 0;
  for (const [t, n] of data.memory) {
    const x = Math.min(Math.max((t - from) * k, 0), W);
    g.lineTo(x, base - level * MEM / most);
    level = Math.max(n, 0);
    g.lineTo(x, base - level * MEM / most);
  }
  g.lineTo(W, base - level * MEM / most); g.lineTo(W, base); g.closePath();
  g.fillStyle = "#3b76c433"; g.fill(); g.strokeStyle = "#3b76c4"; g.stroke();
  g.fillStyle = "#46525f"; g.fillText(`memory of results, at most ${size(most)}`, 8, T - MEM - 4);
}
function at(e) {
  const r = view.getBoundingClientRect(), t = from + (e.clientX - r.left) / W * (to - from);
  const depth = Math.floor((e.clientY - r.top - AXIS + top_) / H);
  return shown.find(s => s.depth === depth && s.start <= t && t <= s.start + s.size);
}
canvas.addEventListener("wheel", e => {
  e.preventDefault();
  const r = view.getBoundingClientRect(), t = from + (e.clientX - r.left) / W * (to - from);
  const f = Math.exp(e.deltaY * 0.002);
  from = t + (from - t) * f; to = t + (to - t) * f; draw();
}, {passive: false});
canvas.addEventListener("pointerdown", e => { held = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener("pointerup", () => { held = null; });
canvas.addEventListener("pointermove", e => {
  if (held) {
    const d = (held[0] - e.clientX) / W * (to - from);
    from += d; to += d; top_ = Math.max(0, top_ + held[1] - e.clientY);
    held = [e.clientX, e.clientY]; draw(); return;
  }
  const s = at(e);
  told.textContent = s ? [s.name + (s.shapes ? ` (${s.shapes})` : ""), time(s.size),
    s.calls > 1 ? `${s.calls} calls` : "", s.bytes ? `${size(s.bytes)} of results` : "",
    s.module && s.module !== s.name ? `module ${s.module}` : "", labels[s.kind]].filter(Boolean).join(" · ")
    : "Point at a span.";
});
canvas.addEventListener("dblclick", () => { whole(); draw(); });
for (const name of ["time", "merged"]) document.getElementById(name).onclick = () => {
  mode = name; shown = views[name];
  for (const other of ["time", "merged"])
    document.getElementById(other).setAttribute("aria-pressed", String(other === name));
  whole(); draw();
};
document.getElementById("find").oninput = e => { sought = e.target.value.trim().toLowerCase(); draw(); };
window.addEventListener("resize", draw);
if (location.hash === "#merged") document.getElementById("merged").click();
else { whole(); draw(); }
</script>
</body>
</html>
"""

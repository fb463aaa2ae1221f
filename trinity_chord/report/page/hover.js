'use strict';
// The cursor that all charts share, its values, and zooming by dragging.

const TIP = element('div', { class: 'tip', hidden: '' });
document.body.append(TIP);

// The step under a pointer, and the pointer's height as a value of the chart.
function under(chart, event) {
  const box = chart.box.getBoundingClientRect();
  const [left, top] = chart.view.origin();
  const x = event.clientX - box.left - left;
  if (x < -6 || x > chart.view.width() + 6) return null;
  return {
    step: Math.max(STATE.from, Math.min(STATE.to, chart.view.scale('x').invert(x))),
    y: chart.view.scale('y').invert(event.clientY - box.top - top),
  };
}

// The point of each line that is nearest to a step.
function nearest(points, step) {
  const lines = new Map();
  for (const point of points) {
    const name = `${STATE.bands ? point.group : point.run}\0${point.curve}`;
    const known = lines.get(name);
    if (!known || Math.abs(point.step - step) < Math.abs(known.step - step)) lines.set(name, point);
  }
  const all = [...lines.values()];
  const best = Math.min(...all.map((point) => Math.abs(point.step - step)));
  return all.filter((point) => Math.abs(point.step - step) <= best + 1e-9);
}

function clearMarks(chart) {
  chart.box.querySelectorAll('.cursor, .mark').forEach((each) => each.remove());
}

function cursorAt(chart, step, points) {
  clearMarks(chart);
  const [left, top] = chart.view.origin();
  const x = left + chart.view.scale('x')(step);
  const line = element('div', { class: 'cursor' });
  line.style.cssText = `left:${x}px;top:${top}px;height:${chart.view.height()}px`;
  chart.box.append(line);
  for (const point of points) {
    if (point.shown === null || !Number.isFinite(point.shown)) continue;
    const mark = element('div', { class: 'mark' });
    const y = top + chart.view.scale('y')(point.shown);
    const name = STATE.bands ? point.group : point.run;
    mark.style.cssText = `left:${x}px;top:${y}px;--run:${colorOf(names().indexOf(name))}`;
    chart.box.append(mark);
  }
}

function row(table, color, label, curve, value) {
  const line = table.insertRow();
  const name = line.insertCell();
  if (color) {
    const dot = element('span', { class: 'dot' });
    dot.style.setProperty('--run', color);
    name.append(dot);
  }
  name.append(label);
  if (curve) name.append(' ', element('span', { class: 'curve' }, curve));
  line.insertCell().textContent = value;
}

function curveTip(chart, step) {
  const points = nearest(chart.points(), step);
  if (!points.length) return null;
  const table = element('table');
  const heading = element('th', { colspan: 2 }, `step ${points[0].step}`);
  table.insertRow().append(heading);
  const several = chart.data.curves.length > 1;
  const order = names();
  points.sort((a, b) => order.indexOf(STATE.bands ? a.group : a.run) - order.indexOf(STATE.bands ? b.group : b.run));
  for (const point of points.slice(0, 24)) {
    const name = STATE.bands ? point.group : point.run;
    const range = STATE.bands && point.seeds > 1 ? ` (${NUMBER(point.low)} to ${NUMBER(point.high)})` : '';
    row(table, colorOf(order.indexOf(name)), name, several ? point.curve : '', NUMBER(point.shown) + range);
  }
  return { table, step: points[0].step, points };
}

function heatTip(chart, step, y) {
  const { edges, shares } = chart.data;
  const column = edges.findIndex((edge, i) => i < shares.length && step >= edge && step < edges[i + 1]);
  if (column < 0) return null;
  const bins = shares[column].length;
  const bin = Math.max(0, Math.min(bins - 1, Math.floor(y * bins)));
  const percent = (value) => `${(100 * value).toFixed(1)} %`;
  const last = edges[column + 1] - 1;
  const table = element('table');
  const steps = last > edges[column] ? `steps ${edges[column]} to ${last}` : `step ${edges[column]}`;
  table.insertRow().append(element('th', { colspan: 2 }, steps));
  row(table, null, `p from ${(bin / bins).toFixed(2)} to ${((bin + 1) / bins).toFixed(2)}`, '', percent(shares[column][bin]));
  const sum = (from, to) => shares[column].slice(from, to).reduce((a, b) => a + b, 0);
  row(table, null, 'p below 0.05', '', percent(sum(0, 1)));
  row(table, null, 'between', '', percent(sum(1, bins - 1)));
  row(table, null, 'p of 0.95 and above', '', percent(sum(bins - 1)));
  return { table, step: edges[column], points: [] };
}

function show(chart, event) {
  const place = under(chart, event);
  if (!place) return hide();
  const found = chart.kind === 'histogram' ? heatTip(chart, place.step, place.y) : curveTip(chart, place.step);
  if (!found) return hide();
  for (const each of CHARTS) {
    if (each.kind === 'weights' || !each.view) continue;
    if (each === chart) cursorAt(each, found.step, found.points);
    else if (each.kind === 'curves') cursorAt(each, found.step, nearest(each.points(), found.step).filter((p) => p.step === found.step));
    else cursorAt(each, found.step, []);
  }
  TIP.replaceChildren(found.table);
  TIP.hidden = false;
  const size = TIP.getBoundingClientRect();
  const right = event.clientX + 16 + size.width < innerWidth;
  TIP.style.left = `${Math.max(6, right ? event.clientX + 16 : event.clientX - 16 - size.width)}px`;
  TIP.style.top = `${Math.max(6, Math.min(innerHeight - size.height - 6, event.clientY + 14))}px`;
  return found;
}

function hide() {
  TIP.hidden = true;
  CHARTS.forEach(clearMarks);
}

// Dragging with a mouse chooses steps for all charts; a double click shows all of them again.
function brush(chart, start, event) {
  const [left, top] = chart.view.origin();
  const scale = chart.view.scale('x');
  const ends = [start, event].map((each) => scale(under(chart, each)?.step ?? STATE.from)).sort((a, b) => a - b);
  let box = chart.box.querySelector('.brush');
  if (!box) chart.box.append(box = element('div', { class: 'brush' }));
  box.style.cssText = `left:${left + ends[0]}px;width:${ends[1] - ends[0]}px;top:${top}px;height:${chart.view.height()}px`;
  return ends.map((x) => scale.invert(x));
}

function zoom(from, to) {
  STATE.from = from;
  STATE.to = to;
  document.getElementById('reset').hidden = from === DATA.range[0] && to === DATA.range[1];
  hide();
  return updateAll();
}

function listen(chart) {
  let start = null;
  let range = null;
  chart.box.addEventListener('pointermove', (event) => {
    if (!chart.view) return;
    if (start && Math.abs(event.clientX - start.clientX) > 5) {
      hide();
      range = brush(chart, start, event);
    } else show(chart, event);
  });
  chart.box.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'mouse' && event.button === 0 && chart.view) {
      start = event;
      chart.box.setPointerCapture(event.pointerId);
      event.preventDefault();
    } else if (chart.view) show(chart, event);
  });
  const stop = () => {
    chart.box.querySelector('.brush')?.remove();
    if (range && Math.round(range[1]) - Math.round(range[0]) >= 1) zoom(Math.round(range[0]), Math.round(range[1]));
    start = range = null;
  };
  chart.box.addEventListener('pointerup', stop);
  chart.box.addEventListener('pointercancel', () => { range = null; stop(); });
  chart.box.addEventListener('pointerleave', hide);
  chart.box.addEventListener('dblclick', () => zoom(...DATA.range));
}

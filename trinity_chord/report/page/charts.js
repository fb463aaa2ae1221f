'use strict';
// What every chart of the page shares: the data, the state of the controls, and how to draw.

const DATA = JSON.parse(document.getElementById('data').textContent);
const STATE = {
  smooth: DATA.smooth,
  bands: DATA.seeds,
  hidden: new Set(),
  from: DATA.range[0],
  to: DATA.range[1],
  theme: matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
};
const CHARTS = [];

function colorOf(index) {
  const colors = DATA.colors[STATE.theme];
  return colors[index % colors.length];
}

// The lines of a chart in the present mode: runs, or groups of runs that differ by seed.
function names() {
  return STATE.bands ? DATA.groups : DATA.runs.map((run) => run.label);
}

function nameOf(run) {
  return STATE.bands ? DATA.groups[DATA.runs[run].group] : DATA.runs[run].label;
}

function element(tag, attributes = {}, text = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

function clone(value) {
  return JSON.parse(JSON.stringify(value));
}

const NUMBER = (value) => {
  if (value === null || !Number.isFinite(value)) return 'not a number';
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
};

// Draws a specification. Without a compiler for its expressions, so that the page can forbid eval.
function embed(target, spec, theme, renderer) {
  const autosize = { type: spec.width === 'container' ? 'fit-x' : 'pad', contains: 'padding', resize: true };
  return vegaEmbed(target, { ...spec, autosize, config: DATA.themes[theme] }, {
    actions: false, ast: true, renderer, tooltip: false, hover: false, defaultStyle: false,
    logLevel: 1, // errors only; a chart may be empty in the steps that are shown
  });
}

// The rows of a panel, as Python's `Points.rows` makes them.
function rowsOf(panel) {
  return panel.data.flatMap((series) => series.steps.map((step, i) => ({
    run: DATA.runs[series.run].label,
    group: DATA.groups[DATA.runs[series.run].group],
    curve: panel.curves[series.curve],
    step,
    value: series.values[i],
    few: series.steps.length <= DATA.few,
  })));
}

function curveSpec(panel, options) {
  const spec = clone(DATA.specs[STATE.bands ? 'bands' : 'lines'][options.log ? 'log' : 'linear']);
  spec.data = { name: 'points', values: rowsOf(panel) };
  spec.transform.find((each) => each.window).frame = [-STATE.smooth, STATE.smooth];
  const values = { hidden: [...STATE.hidden], from: STATE.from, to: STATE.to };
  for (const param of spec.params) param.value = values[param.name];
  const drawn = names();
  spec.encoding.color.scale = { domain: drawn, range: drawn.map((_, i) => colorOf(i)) };
  const dashes = { domain: panel.curves, range: DATA.dashes.slice(0, panel.curves.length) };
  for (const { encoding } of spec.layer) if (encoding.strokeDash) encoding.strokeDash.scale = dashes;
  if (!spec.data.values.some((each) => each.few)) spec.layer.pop(); // no points to mark
  spec.width = 'container';
  return spec;
}

function heatSpec(histogram) {
  const spec = clone(DATA.specs.histogram);
  const values = histogram.shares.flatMap((shares, i) => shares.map((share, bin) => ({
    step: histogram.edges[i],
    end: histogram.edges[i + 1],
    low: bin / shares.length,
    high: (bin + 1) / shares.length,
    share,
  })));
  spec.data = { name: 'cells', values };
  const state = { hidden: [], from: STATE.from, to: STATE.to };
  for (const param of spec.params) param.value = state[param.name];
  spec.encoding.color.scale.range = DATA.shares[STATE.theme];
  spec.width = 'container';
  return spec;
}

class Chart {
  constructor(card, kind, data) {
    Object.assign(this, { card, kind, data, log: false, view: null, queue: Promise.resolve() });
    this.box = card.querySelector('.chart');
    CHARTS.push(this);
  }

  spec(options = { log: this.log }) {
    if (this.kind === 'curves') return curveSpec(this.data, options);
    if (this.kind === 'histogram') return heatSpec(this.data);
    const spec = clone(DATA.specs.weights);
    spec.mark.color = DATA.themes[STATE.theme].title.color;
    spec.width = 'container';
    return spec;
  }

  // Draws from scratch. Calls wait for each other, so that the last one is what is seen.
  draw() {
    this.queue = this.queue.then(async () => {
      if (this.result) this.result.finalize();
      const renderer = this.kind === 'histogram' ? 'canvas' : 'svg';
      this.result = await embed(this.box.querySelector('.vega'), this.spec(), STATE.theme, renderer);
      this.view = this.result.view;
      this.shown = null;
      this.key();
    });
    return this.queue;
  }

  // Passes the state of the controls on, without drawing from scratch.
  async update() {
    await this.queue;
    if (!this.view || this.kind === 'weights') return;
    this.view.signal('hidden', [...STATE.hidden]).signal('from', STATE.from).signal('to', STATE.to);
    this.shown = null;
    await this.view.runAsync();
  }

  // The points that are drawn, after smoothing and averaging over seeds.
  points() {
    if (!this.shown) {
      const field = STATE.bands ? 'low' : 'shown';
      const sets = this.result.vgSpec.data.map(({ name }) => this.view.data(name));
      const drawn = sets.filter((set) => set.length && field in set[0]);
      this.shown = drawn.sort((a, b) => b.length - a.length)[0] || [];
    }
    return this.shown;
  }

  // What the dashes mean.
  key() {
    const place = this.card.querySelector('.key');
    const labels = this.kind === 'weights' ? DATA.weights : this.kind === 'curves' ? this.data.curves : [];
    if (this.kind === 'histogram') return;
    place.replaceChildren();
    if (labels.length < 2) return;
    labels.forEach((label, i) => {
      const entry = element('span');
      const line = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      line.setAttribute('width', 24);
      line.setAttribute('height', 8);
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      path.setAttribute('d', 'M1 4H23');
      path.setAttribute('stroke-width', 2);
      path.setAttribute('stroke', 'currentColor');
      path.setAttribute('stroke-dasharray', DATA.dashes[i].join(' '));
      line.append(path);
      entry.append(line, label);
      place.append(entry);
    });
  }
}

function drawAll() {
  return Promise.all(CHARTS.map((chart) => chart.draw()));
}

function updateAll() {
  return Promise.all(CHARTS.map((chart) => chart.update()));
}

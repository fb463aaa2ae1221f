'use strict';
// The controls, the files that the page saves, and the start.

function save(name, blob) {
  const link = element('a', { download: name, href: URL.createObjectURL(blob) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function saveCsv(name, rows) {
  const cell = (value) => {
    let text = String(value ?? '');
    // A spreadsheet would run a text that starts like a formula.
    if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = rows.map((each) => each.map(cell).join(','));
  save(name, new Blob([`${lines.join('\n')}\n`], { type: 'text/csv' }));
}

function curveRows(panel) {
  return rowsOf(panel).map((each) => [panel.title, each.run, each.curve, each.step, each.value]);
}

const CURVE_HEADING = ['chart', 'run', 'curve', 'step', 'value'];

function saveValues(chart) {
  if (chart.kind === 'curves') {
    saveCsv(`${chart.data.key}.csv`, [CURVE_HEADING, ...curveRows(chart.data)]);
    return;
  }
  const { edges, shares, run } = chart.data;
  const rows = shares.flatMap((column, i) => column.map((share, bin) => [
    DATA.runs[run].label, edges[i], bin / column.length, (bin + 1) / column.length, share,
  ]));
  saveCsv('histogram.csv', [['run', 'step', 'p from', 'p to', 'share of tokens'], ...rows]);
}

// A picture for paper: light, of fixed size, with a title and the legends that the page has outside.
async function savePicture(chart) {
  const theme = STATE.theme;
  STATE.theme = 'light';
  const spec = chart.spec();
  STATE.theme = theme;
  spec.width = 480;
  spec.height = 260;
  spec.padding = 12;
  if (chart.kind === 'curves') {
    spec.title = chart.data.title;
    if (names().length > 1) spec.encoding.color.legend = DATA.legend;
    if (chart.data.curves.length > 1) {
      for (const { encoding } of spec.layer) if (encoding.strokeDash) encoding.strokeDash.legend = DATA.legend;
    }
  } else {
    spec.title = `p of expert tokens, ${DATA.runs[chart.data.run].label}`;
    spec.encoding.color.legend = { title: 'share of tokens', format: '~%' };
  }
  const place = element('div');
  const result = await embed(place, spec, 'light', 'canvas');
  const url = await result.view.toImageURL('png', 3);
  const bytes = Uint8Array.from(atob(url.split(',')[1]), (letter) => letter.charCodeAt(0));
  result.finalize();
  save(`${chart.kind === 'curves' ? chart.data.key : 'histogram'}.png`, new Blob([bytes], { type: 'image/png' }));
}

function chips() {
  const place = document.getElementById('chips');
  place.replaceChildren();
  names().forEach((name, i) => {
    const runs = DATA.runs.filter((run) => (STATE.bands ? DATA.groups[run.group] : run.label) === name);
    const on = runs.some((run) => !STATE.hidden.has(run.label));
    const chip = element('button', { class: 'chip', 'aria-pressed': String(on), title: name });
    const dot = element('span', { class: 'dot' });
    dot.style.setProperty('--run', colorOf(i));
    chip.append(dot, element('span', {}, name));
    chip.addEventListener('click', () => {
      for (const run of runs) {
        if (on) STATE.hidden.add(run.label);
        else STATE.hidden.delete(run.label);
      }
      chips();
      hideCards();
      hide();
      updateAll();
    });
    place.append(chip);
  });
}

function hideCards() {
  document.querySelectorAll('[data-histogram]').forEach((card) => {
    const { run } = DATA.histograms[Number(card.dataset.histogram)];
    card.hidden = STATE.hidden.has(DATA.runs[run].label);
  });
}

function paint() {
  document.documentElement.dataset.theme = STATE.theme;
  document.getElementById('theme').textContent = STATE.theme === 'dark' ? 'Light' : 'Dark';
  document.documentElement.style.setProperty('--shares', DATA.shares[STATE.theme].join(', '));
  document.querySelectorAll('[data-run]').forEach((dot) => {
    dot.style.setProperty('--run', colorOf(names().indexOf(nameOf(Number(dot.dataset.run)))));
  });
}

function controls() {
  const smooth = document.getElementById('smooth');
  let waiting = null;
  const text = () => {
    document.getElementById('smooth-text').textContent = STATE.smooth ? `${2 * STATE.smooth + 1} points` : 'off';
  };
  smooth.value = STATE.smooth;
  text();
  smooth.addEventListener('input', () => {
    STATE.smooth = Number(smooth.value);
    text();
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 120);
  });
  document.getElementById('bands')?.addEventListener('click', (event) => {
    STATE.bands = !STATE.bands;
    event.currentTarget.setAttribute('aria-pressed', String(STATE.bands));
    event.currentTarget.textContent = STATE.bands ? 'Bands over seeds' : 'One line per run';
    chips();
    paint();
    drawAll();
  });
  document.getElementById('reset').addEventListener('click', () => zoom(...DATA.range));
  document.getElementById('theme').addEventListener('click', () => {
    STATE.theme = STATE.theme === 'dark' ? 'light' : 'dark';
    chips();
    paint();
    drawAll();
  });
  document.getElementById('csv').addEventListener('click', () => {
    saveCsv('report.csv', [CURVE_HEADING, ...DATA.panels.flatMap(curveRows)]);
  });
}

function cards() {
  document.querySelectorAll('[data-panel]').forEach((card) => {
    listen(new Chart(card, 'curves', DATA.panels.find((panel) => panel.key === card.dataset.panel)));
  });
  document.querySelectorAll('[data-histogram]').forEach((card) => {
    listen(new Chart(card, 'histogram', DATA.histograms[Number(card.dataset.histogram)]));
  });
  document.querySelectorAll('[data-weights]').forEach((card) => new Chart(card, 'weights', null));
  for (const chart of CHARTS) {
    chart.card.querySelector('[data-do="png"]')?.addEventListener('click', () => savePicture(chart));
    chart.card.querySelector('[data-do="csv"]')?.addEventListener('click', () => saveValues(chart));
    chart.card.querySelector('[data-do="log"]')?.addEventListener('click', (event) => {
      chart.log = !chart.log;
      event.currentTarget.setAttribute('aria-pressed', String(chart.log));
      chart.draw();
    });
  }
}

cards();
controls();
chips();
paint();
drawAll().then(() => { document.documentElement.dataset.ready = 'true'; });

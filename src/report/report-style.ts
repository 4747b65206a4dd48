/** The report's style sheet: one column, light or dark as the reader's system, and paper. */

export const reportStyle = `
:root { color-scheme: light dark; --text: #1c2024; --soft: #5b6570; --line: #d8dde3; --page: #ffffff; --panel: #f5f7f9;
  --ok: #14693a; --ok-back: #e2f4e8; --warning: #7a4d00; --warning-back: #fdf0d5; --breach: #a11320; --breach-back: #fde5e5; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ec; --soft: #a3adb8; --line: #38414b; --page: #14181c; --panel: #1d2329;
  --ok: #7fd8a2; --ok-back: #173525; --warning: #f2c46d; --warning-back: #3b2d10; --breach: #ff9b9b; --breach-back: #431c20; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .5rem; padding-top: .75rem; border-top: 2px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p { margin: .5rem 0; max-width: 46rem; }
.soft { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .85em ui-monospace, "Cascadia Mono", Menlo, monospace; overflow-wrap: anywhere; }
.badge { display: inline-block; padding: .05rem .5rem; border-radius: 1rem; font-size: .82rem; font-weight: 600; white-space: nowrap; border: 1px solid currentColor; }
.ok { color: var(--ok); background: var(--ok-back); }
.warning { color: var(--warning); background: var(--warning-back); }
.breach { color: var(--breach); background: var(--breach-back); }
.plain { color: var(--soft); }
ul { margin: .5rem 0; padding-left: 1.25rem; }
.findings { list-style: none; padding: 0; }
.findings li { margin: .3rem 0; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; margin: .75rem 0; }
.panel h4 { margin: 0 0 .35rem; font-size: 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
details summary { cursor: pointer; color: var(--soft); margin: .5rem 0; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
.charts figure { margin: 0; flex: 1 1 16rem; max-width: 24rem; }
.charts svg { display: block; width: 100%; background: var(--panel); border: 1px solid var(--line); border-radius: .35rem; }
.charts polyline { fill: none; stroke: var(--text); stroke-width: 1.5; }
.charts circle { fill: var(--text); } .charts .axis { stroke: var(--line); }
.charts figcaption { color: var(--soft); font-size: .82rem; margin-top: .25rem; }
a { color: inherit; }
time { white-space: nowrap; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .4rem; } }
@media print { :root { color-scheme: light; --text: #000; --soft: #444; --line: #bbb; --page: #fff; --panel: #fff;
    --ok: #14693a; --ok-back: #fff; --warning: #7a4d00; --warning-back: #fff; --breach: #a11320; --breach-back: #fff; }
  body { max-width: none; padding: 0; font-size: 10pt; } h2, h3, h4, caption { break-after: avoid; }
  tr, .panel, figure, dl { break-inside: avoid; } .scroll { overflow: visible; } }
`;

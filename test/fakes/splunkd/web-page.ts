/** A Simple XML view as Splunk Web shows it: its bar, the title, and the html panels, drawn after the scripts of the view have run. */

export type Theme = 'light' | 'dark';

/** Throws for what the fake does not draw. */
export function viewPage(xml: string, base: string, theme: Theme): string {
  const attribute = (name: string): string[] =>
    (new RegExp(`^<dashboard[^>]* ${name}="([^"]*)"`).exec(xml)?.[1] ?? '')
      .split(/\s*,\s*/)
      .filter((one) => one !== '');
  const text = (tag: string): string => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1] ?? '';
  const panels = [...xml.matchAll(/<html>([\s\S]*?)<\/html>/g)].map(([, html]) => html!);
  if (!/^<dashboard[^>]* version="1\.1"/.test(xml) || panels.length === 0)
    throw new Error('not a view with html panels');
  const asset = (name: string): string => `${base}/static/app/kinloader/${name}`;
  return `<!doctype html>
<html lang="${base.split('/').at(-1)!.slice(0, 2)}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text('label')} | Splunk</title>
<link rel="stylesheet" href="${base}/static/chrome.css">
${attribute('stylesheet')
  .map((name) => `<link rel="stylesheet" href="${asset(name)}">`)
  .join('\n')}
</head>
<body class="${theme}">
<header class="splunk-bar"><b>splunk&gt;enterprise</b> <span>Kinesis Log Loader</span></header>
<main class="dashboard-body">
<h1 class="dashboard-title">${text('label')}</h1>
<p class="description">${text('description')}</p>
<div class="dashboard-row"></div>
</main>
<template>${panels.map((html) => `<div class="dashboard-panel"><div class="panel-body html">${html}</div></div>`).join('\n')}</template>
${attribute('script')
  .map((name) => `<script src="${asset(name)}"></script>`)
  .join('\n')}
<script src="${base}/static/chrome.js"></script>
</body>
</html>
`;
}

export const CHROME_SCRIPT = `requestAnimationFrame(() => {
  document.querySelector('.dashboard-row').append(document.querySelector('template').content.cloneNode(true));
});
`;

/** What Splunk Web's own style does to the elements of a panel, roughly: a page must look right in spite of it. */
export const CHROME_STYLE = `
body { margin: 0; font: 14px 'Splunk Platform Sans', 'Open Sans', sans-serif; background: #f2f4f5; color: #33343b; }
body.dark { background: #171d21; color: #e1e6eb; }
.splunk-bar { padding: 12px 20px; background: #171d21; color: #fff; }
.splunk-bar span { margin-left: 24px; }
.dashboard-body { padding: 16px 20px; }
.dashboard-title { margin: 0; font-size: 24px; font-weight: 500; }
.description { margin: 4px 0 16px; }
.dashboard-panel { padding: 16px; background: #fff; }
body.dark .dashboard-panel { background: #212527; }
label { display: block; margin-bottom: 5px; font-size: 12px; }
input, select { display: inline-block; width: 206px; height: 20px; margin-bottom: 10px; font-size: 12px; }
button { font-size: 12px; }
p { margin: 0 0 10px; }
a { color: #006eaa; }
`;

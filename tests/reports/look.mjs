// Looks at each page in light and dark, on a desktop and a phone: no accessibility finding, nothing asked of anybody, no
// word in the console, no sideways scrolling; and by keyboard alone: the skip link, and the filter where there is one.
//
// Run by check.sh. Prints what is wrong, a line each, and ends with 1 where anything is.
import AxeBuilder from '@axe-core/playwright';
import { chromium } from 'playwright-core';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const given = process.argv.slice(2);
const shots = given.includes('--shots') ? given.splice(given.indexOf('--shots'), 2)[1] : undefined;
const pages = given.map((page) => (/^https?:/.test(page) ? page : pathToFileURL(resolve(page)).href));
const widths = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const findings = [];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
for (const [number, address] of pages.entries()) {
  for (const [device, viewport] of Object.entries(widths)) {
    const settings = { viewport, deviceScaleFactor: device === 'phone' ? 2 : 1 };
    const asPeople = await opened(address, settings);
    // What axe runs is no part of the page, so its policy must not be in force.
    const asAxe = await opened(address, { ...settings, bypassCSP: true });
    for (const colorScheme of ['light', 'dark']) {
      const say = (what) => findings.push(`${address} (${colorScheme}, ${device}): ${what}`);
      await looked(asPeople, address, colorScheme, say, `${number}-${colorScheme}-${device}.png`);
      await accessible(asAxe, colorScheme, say);
    }
    await asPeople.context().close();
    await asAxe.context().close();
  }
}
await browser.close();
for (const finding of findings) console.log(finding);
console.log(`${pages.length} pages, ${findings.length} findings`);
process.exitCode = findings.length > 0 || pages.length === 0 ? 1 : 0;

async function opened(address, settings) {
  const page = await (await browser.newContext(settings)).newPage();
  await page.goto(address);
  return page;
}

/** The page as people have it, its own policy in force. */
async function looked(page, address, colorScheme, say, shot) {
  page.on('request', (request) => {
    const url = request.url();
    if (url !== address && !url.startsWith('data:')) say(`asked for ${url}`);
  });
  page.on('console', (message) => say(`console: ${message.text()}`));
  page.on('pageerror', (error) => say(`error: ${error.message}`));
  await page.emulateMedia({ colorScheme });
  // Whole anew: a reload would keep the place that the skip link led to.
  await page.goto('about:blank');
  await page.goto(address);
  if (shots) await page.screenshot({ path: `${shots}/${shot}`, fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) say(`${wide} pixels wider than the screen`);
  await byKeyboard(page, say);
  for (const event of ['console', 'request', 'pageerror']) page.removeAllListeners(event);
  await policed(page, say);
}

/** The skip link comes first; then tabs reach the filter, and it filters. */
async function byKeyboard(page, say) {
  await page.keyboard.press('Tab');
  const first = await page.evaluate(() => document.activeElement.className);
  if (first !== 'skip') say('the first tab is not the skip link');
  await page.keyboard.press('Enter');
  if (!(await page.evaluate(() => document.activeElement.id === 'main'))) say('the skip link does not lead to main');
  if (!(await page.$('#filter-rule'))) return;
  let reached = false;
  for (let tabs = 0; tabs < 40 && !reached; tabs += 1) {
    await page.keyboard.press('Tab');
    reached = await page.evaluate(() => document.activeElement.id === 'filter-rule');
  }
  if (!reached) return say('tabs do not reach the filter');
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth);
  if (parseFloat(ring) < 2) say(`the focus is not to be seen: ${ring}`);
  const rules = page.locator('tbody[data-kind="rules"]');
  const all = await rules.count();
  if (all < 2) return;
  await page.keyboard.press('ArrowDown');
  const shown = await page.locator('tbody[data-kind="rules"]:visible').count();
  if (shown !== 1) say(`${shown} of ${all} rules are shown of one that was chosen`);
  const told = await page.locator('#filter-told').textContent();
  if (!told.includes('rules 1,')) say(`the filter says \`${told}\``);
  // Past the field to the button that shows all again.
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForTimeout(50);
  const again = await page.locator('tbody[data-kind="rules"]:visible').count();
  if (again !== all) say(`${again} of ${all} rules are shown after all were asked for`);
}

/** Neither a script nor a picture that somebody smuggled in would do anything. */
async function policed(page, say) {
  const ran = await page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'window.smuggled = true';
    document.body.append(script);
    const blocked = new Promise((done) => {
      document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
      setTimeout(() => done(''), 1000);
    });
    const picture = new Image();
    picture.src = 'https://example.invalid/picture.png';
    document.body.append(picture);
    return { smuggled: window.smuggled === true, blocked: await blocked };
  });
  if (ran.smuggled) say('a foreign script ran');
  if (ran.blocked === '') say('nothing was blocked');
}

/** What axe finds. */
async function accessible(page, colorScheme, say) {
  await page.emulateMedia({ colorScheme });
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
  for (const violation of violations) {
    const first = violation.nodes[0];
    say(`axe: ${violation.id}: ${violation.help}: ${first.html.slice(0, 120)} ${first.failureSummary.replaceAll('\n', ' ')}`);
  }
}

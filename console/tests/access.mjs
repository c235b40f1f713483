// Every view, on a desk and on a phone, in light and in dark: labels, contrast, headings, width.

import { accessible, DESK, fits, live, PHONE, scene } from "./stage.mjs";

for (const viewport of [DESK, PHONE]) {
  for (const colorScheme of ["light", "dark"]) {
    await scene(async (open) => {
      for (const view of ["market/BTC-USD-PERP", "tongues/BTC-USD", "trade/BTC-USD", "operate/BTC-USD"]) {
        const where = `${view}, ${viewport.width} px, ${colorScheme}`;
        const page = await open(view);
        await live(page);
        await page.locator("main .panel").first().waitFor();
        if (view.startsWith("tongues")) await page.locator(".row pre").first().waitFor();
        await fits(page, where);
        await accessible(page, where);
        await page.close();
      }
    }, { viewport, colorScheme });
  }
}

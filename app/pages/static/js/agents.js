/* What a browser calls itself, in plain words. */

const BROWSERS = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"], [/\bOPR\//, "Opera"], [/\bSamsungBrowser\//, "Samsung Internet"], [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bHeadlessChrome\/|\bChrome\/|\bCriOS\//, "Chrome"], [/\bSafari\//, "Safari"], [/^curl\//, "curl"], [/^python|\bPython-/i, "A Python script"],
];

const DEVICES = [
  [/\biPhone\b/, "an iPhone"], [/\biPad\b/, "an iPad"], [/\bAndroid\b.*\bTV\b/, "a television"], [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"], [/\bMac OS X\b|\bMacintosh\b/, "a Mac"], [/\bCrOS\b/, "a Chromebook"], [/\bLinux\b/, "Linux"],
];

const first = (pairs, agent) => pairs.find(([pattern]) => pattern.test(agent))?.[1];

/** "Mozilla/5.0 (Windows NT …) … Firefox/140.0" -> "Firefox on Windows". */
export function agentInWords(agent) {
  const browser = first(BROWSERS, agent);
  const device = first(DEVICES, agent);
  if (!browser && !device) return agent.trim().slice(0, 40) || "An unknown browser";
  return `${browser ?? "A browser"}${device ? ` on ${device}` : ""}`;
}

export const isHandheld = (agent) => /iPhone|iPad|Android|Mobile/.test(agent);

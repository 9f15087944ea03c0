// What the page adds to the terminal: the keyboard is its from the start, and the end of a console states its reason.
"use strict";

const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(...about) {
    super(...about);
    this.addEventListener("close", (event) => {
      const lost = "The connection to `quarterdeck web` was lost: it has ended, or the line is down.";
      document.getElementById("reason").textContent = event.reason || lost;
    });
  }
};

new MutationObserver((_changes, observer) => {
  const keyboard = document.querySelector("#terminal textarea");
  if (keyboard && document.body.classList.contains("-first-byte")) {
    keyboard.focus();
    observer.disconnect();
  }
}).observe(document.documentElement, { attributes: true, childList: true, subtree: true });

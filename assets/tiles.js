// What the panels of small pictures share: cutting a sheet into tiles, and the arrow keys.
"use strict";

// Show the pictures of a sheet, in reading order, on elements of the same number.
vae43.cut = (tiles, webp, columns) => {
  const rows = Math.ceil(tiles.length / columns);
  const share = (at, count) => (count > 1 ? `${(100 * at) / (count - 1)}%` : "0");
  tiles.forEach((tile, i) => {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    tile.style.backgroundImage = `url(data:image/webp;base64,${webp})`;
    tile.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
    tile.style.backgroundPosition = `${share(column, columns)} ${share(row, rows)}`;
  });
};

// One stop for the tab key, the arrows go on from there: a keydown listener for a group of buttons.
vae43.walk = (event) => {
  const tiles = [...event.currentTarget.querySelectorAll("button")];
  const at = tiles.indexOf(event.target);
  const columns = Number(event.currentTarget.dataset.columns || tiles.length);
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (at < 0 || !step) return;
  event.preventDefault();
  event.stopPropagation();
  const next = tiles[at + step];
  if (!next) return;
  for (const tile of tiles) tile.tabIndex = tile === next ? 0 : -1;
  next.focus();
};

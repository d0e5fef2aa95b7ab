// Of each chart the labels of each axis that can be seen, those over each other, and texts cut off.
() => {
  const seen = (text) => text.textContent && getComputedStyle(text).opacity !== "0";
  const texts = (part) => [...part.querySelectorAll("text")].filter(seen);
  const words = (text) => text.textContent;
  const box = (text) => text.getBoundingClientRect();
  // Turned labels have boxes that overlap though the words do not.
  const turned = (text) => /rotate\(-?[1-9]/.test(text.getAttribute("transform"));
  const over = (one, other) => {
    const [a, b] = [box(one), box(other)];
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    return across > 1 && down > 3;
  };
  return [...document.querySelectorAll(".vega-embed svg")].map((svg) => {
    const edge = svg.getBoundingClientRect();
    const groups = [...svg.querySelectorAll(".role-axis-label")].map(texts);
    return {
      axes: groups.map((group) => group.map(words)),
      cut: texts(svg).filter((t) => box(t).left < edge.left - 2 || box(t).right > edge.right + 2).map(words),
      over: groups.flatMap((group) => group.slice(1).filter((t, i) => !turned(t) && over(group[i], t)).map(words)),
    };
  });
}

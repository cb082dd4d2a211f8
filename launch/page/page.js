"use strict";
(() => {
  const bytes = (id) => {
    const text = document.getElementById(id).textContent;
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  };
  const videos = [...document.querySelectorAll("video")];
  videos.forEach((video, film) => {
    video.poster = document.getElementById(`poster-${film}`)?.src ?? "";
    const data = bytes(`video-data-${film}`);
    video.src = URL.createObjectURL(new Blob([data], { type: "video/mp4" }));
  });
  const show = (film, second) => {
    const video = videos[film];
    videos.filter((other) => other !== video).forEach((other) => other.pause());
    video.currentTime = second;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    video.scrollIntoView({ behavior: still ? "instant" : "smooth", block: "center" });
    video.play().catch(() => {});
  };
  document.querySelectorAll("button[data-video]").forEach((button) => {
    const { film, video } = button.dataset;
    button.addEventListener("click", () => show(Number(film), Number(video)));
  });

  const unpack = async (id) => {
    const packed = new Blob([bytes(id)]).stream();
    return new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const touch = matchMedia("(pointer: coarse)").matches;
  const style = (kind, layout) => {
    const axis = { gridcolor: "#888", zerolinecolor: "#888", automargin: true, fixedrange: touch };
    const legend = { orientation: "h", y: 1, yanchor: "bottom", x: 0, xanchor: "left" };
    const common = {
      autosize: true,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 8, r: 8, t: 8, b: 8 },
      font: { family: getComputedStyle(document.body).fontFamily, size: 12 },
      hovermode: kind === "map" ? "closest" : "x unified",
      dragmode: touch ? false : kind === "map" ? "pan" : "zoom",
      legend,
    };
    const axes = Object.keys(layout).filter((key) => /^[xy]axis/.test(key));
    const styled = axes.map((key) => [key, { ...axis, ...layout[key] }]);
    return { ...layout, ...common, ...Object.fromEntries(styled) };
  };
  const draw = async (script) => {
    const place = document.getElementById(script.dataset.figure);
    const kind = place.classList.contains("map") ? "map" : "curve";
    const { data, layout } = JSON.parse(script.textContent);
    const options = { displayModeBar: false, responsive: true, scrollZoom: !touch && kind === "map" };
    await Plotly.newPlot(place, data, style(kind, layout), options);
    if (kind === "map" && videos.length) {
      place.on("plotly_click", ({ points }) => {
        const [film, second] = points[0].data.mode === "markers" ? points[0].customdata : [];
        if (typeof film === "number") show(film, second);
      });
    }
  };
  const figures = [...document.querySelectorAll("script[data-figure]")];
  const drawAll = async () => {
    if (figures.length) {
      const library = document.createElement("script");
      library.textContent = await unpack("library");
      document.head.append(library);
      for (const figure of figures) await draw(figure);
    }
    document.documentElement.dataset.drawn = String(figures.length);
  };
  drawAll();

  const places = () => [...document.querySelectorAll(".js-plotly-plot")];
  document.querySelectorAll("details").forEach((details) => {
    details.addEventListener("toggle", () => {
      details.querySelectorAll(".js-plotly-plot").forEach((place) => Plotly.Plots.resize(place));
    });
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((details) => { details.open = true; });
    places().forEach((place) => {
      const map = place.classList.contains("map");
      Plotly.relayout(place, map ? { width: 640, height: 460 } : { width: 340 });
    });
  });
  addEventListener("afterprint", () => {
    opened.forEach((details) => { details.open = false; });
    places().forEach((place) => Plotly.relayout(place, { width: null, height: null, autosize: true }));
  });
})();

// The server hands out uplot/dist/uPlot.esm.js under this name.
import uPlot from 'uplot';

export { uPlot };
// biome-ignore lint/style/noDefaultExport: the package's own form
export default uPlot;

// A report's script (web/report.py): what is drawn of window.trmRun, which stands in the page: plan, message, models.

import curves from "./curves.js";
import player from "./player.js";
import ribbon from "./ribbon.js";
import stage from "./stage.js";
import { mount, plainModel } from "./plain.js";

mount(plainModel(window.trmRun), { stage, ribbon, curves, player });

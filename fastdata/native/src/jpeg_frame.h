#pragma once

#include <cstddef>

#include "bytes.h"
#include "jpeg_blocks.h"
#include "jpeg_header.h"

namespace fastdata {

/// Everything that blocks of a usual JPEG are read with.
struct JpegFrame {
    int height = 0;
    int width = 0;
    int components = 0;
    /// Luma samples of one chroma sample, 1 or 2: the luma blocks of an MCU.
    int horizontal = 1;
    int vertical = 1;
    int across = 0;  ///< MCUs in a row of them.
    int down = 0;
    int restart_interval = 0;  ///< MCUs; all of them where there are no restart markers.
    JpegTables tables[3];

    int mcu_height() const { return 8 * vertical; }
    int mcu_width() const { return 8 * horizontal; }

    /// Takes the tables and what else is needed from a file; false where it is of another kind:
    /// progressive, of several scans, of other sampling or colours, or with odd tables.
    bool read(Bytes file, const JpegHeader& header);

  private:
    bool read_sampling(const JpegHeader& header);
    bool read_tables(Bytes file, const JpegHeader& header);
};

}  // namespace fastdata
